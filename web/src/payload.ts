// The types of what report_payload.cc writes. Texts are untrusted: they are only ever set as text content.

export type VerdictName = "PASS" | "FAIL" | "INCONCLUSIVE" | "INVALID" | "SKIPPED";
/** null: absent, a gap */
export type Figure = number | null;

export interface Metric {
  value: Figure;
  unit: string;
  n: number;
  ci: [number, number] | null;
}
export interface Finding {
  severity: string;
  text: string;
}
export interface Test {
  id: string;
  name: string;
  verdict: VerdictName;
  reason: string;
  seconds: Figure;
  estimate_seconds: Figure;
  metrics: Record<string, Metric>;
  findings: Finding[];
}
export interface Criterion {
  id: string;
  name: string;
  threshold: string;
  measured: Figure;
  unit: string;
  evidence: string;
  verdict: VerdictName;
  reason: string;
}
export interface Check {
  expression: string;
  test: string | null;
  measured: Figure;
  unit: string;
  n: number;
  verdict: VerdictName;
  reason: string;
}
export interface Model {
  id: string;
  path: string;
  architecture: string;
  layers: number;
  experts: number;
  experts_used: number;
  experts_shared: number;
  placement: string;
  verdict: VerdictName;
  tests: Test[];
  criteria: Criterion[];
  checks: Check[];
}
export interface Recommendation {
  model: string;
  setting: string;
  change: string;
  expected: string;
  evidence: string;
}
export interface Result {
  run: {
    id: string;
    suite: string;
    scale: Figure;
    scaled: boolean;
    estimate_seconds: Figure;
    started: string;
    ended: string | null;
    cut_off: string | null;
    gaps: { from_seconds: Figure; to_seconds: Figure }[];
    verdict: VerdictName;
  };
  environment: Record<string, unknown>;
  target: Record<string, unknown>;
  models: Model[];
  recommendations: Recommendation[];
}
export interface Table {
  title: string;
  kind: string;
  columns: string[];
  rows: Figure[][];
  row_labels: string[];
  rows_left_out: number;
}
export interface Curve {
  name: string;
  unit: string;
  x: number[];
  y: Figure[];
}
export interface Mark {
  seconds: number;
  kind: string;
  text: string;
}
export interface Latency {
  model: string;
  test: string;
  quantity: string;
  n: number;
  max_ms: number;
  value_ms: number[];
  share: number[];
  percentiles_ms: [number, number][];
}
export interface Routing {
  model: string;
  set: string;
  tokens: number;
  layers: number[];
  share: number[][];
}
export interface Payload {
  result: Result;
  /** for each model, whether it is ready and why */
  sentences: string[];
  seed: string;
  moestress: string;
  plan: string;
  notes: string[];
  /** when moestress did not run, for people; empty: it always did */
  gaps: string;
  /** [model][test][table] */
  tables: Table[][][];
  memory: { process: Curve[]; device: Curve[]; host: Curve[]; marks: Mark[] };
  requests: {
    latencies: Latency[];
    endings: { model: string; test: string; ending: string; n: number }[];
    speeds: { model: string; n: number; context_tokens: number[]; tok_per_s: number[] }[];
  };
  routing: Routing[];
}

/** Models in the run's order, tests by number: the same model has the same colour in every chart. */
function order(payload: Payload): Payload {
  const place = new Map(payload.result.models.map((m, i) => [m.id, i]));
  const compare = (a: { model: string; test?: string }, b: { model: string; test?: string }) =>
    (place.get(a.model) ?? 0) - (place.get(b.model) ?? 0) ||
    (a.test ?? "").localeCompare(b.test ?? "", "en", { numeric: true });
  payload.requests.latencies.sort(compare);
  payload.requests.endings.sort(compare);
  payload.requests.speeds.sort(compare);
  return payload;
}

export function readPayload(): Payload {
  const element = document.getElementById("payload");
  if (!element?.textContent) throw new Error("this report holds no data");
  return order(JSON.parse(element.textContent) as Payload);
}
