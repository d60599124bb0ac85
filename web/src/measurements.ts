// What was measured over the whole run: memory against time, latencies, speed against context and sessions.
import { html } from "htm/preact";
import type { VNode } from "preact";
import { Chart } from "./chart";
import type { Series } from "./chart";
import { clock, number, plural } from "./format";
import { Absent, Lazy, Said, Scroll, Section } from "./parts";
import type { Curve, Latency, Mark, Payload } from "./payload";
import { LineTables, ResultTables, tablesOf } from "./result_tables";

const TIME = { label: "time since the run began", kind: "time" as const };
const CURVES_SHOWN = 8;

function MemoryChart({ title, curves, marks }: { title: string; curves: Curve[]; marks: Mark[] }): VNode | null {
  if (curves.length === 0) return null;
  return html`<${Chart}
    title=${title}
    x=${TIME}
    y=${{ label: "bytes", unit: "bytes", fromZero: false }}
    series=${curves.map((c, i): Series => ({ name: c.name, x: c.x, y: c.y, off: i >= CURVES_SHOWN }))}
    marks=${marks}
  />` as VNode;
}

function Events({ marks }: { marks: Mark[] }): VNode {
  return html`<${Lazy}
    class="events"
    summary=${`${plural(marks.length, "event")}, numbered as on the charts`}
    body=${() => html`<${Scroll} label="Events">
      <table>
        <caption class="unseen">Events of the run</caption>
        <thead>
          <tr><th scope="col" class="num">No.</th><th scope="col" class="num">Time</th><th scope="col">Kind</th><th scope="col">What</th></tr>
        </thead>
        <tbody>
          ${marks.map((m, i) => html`<tr><td class="num">${i + 1}</td><td class="num">${clock(m.seconds)}</td><td><${Said} text=${m.kind} /></td><td><${Said} text=${m.text} /></td></tr>`)}
        </tbody>
      </table>
    <//>`}
  />` as VNode;
}

export function Memory({ payload }: { payload: Payload }): VNode {
  const { process, device, host, marks } = payload.memory;
  const none = process.length + device.length + host.length === 0;
  const ending = (end: string) => process.filter((c) => c.name.endsWith(end));
  return html`<${Section}
    id="memory"
    title="Memory over time"
    lead="Private bytes are what can leak (anonymous and swapped); file-mapped bytes are the model file in the page cache, which the system may take back. A gap is a new process, or a figure that could not be read. The vertical axis need not begin at zero."
  >
    ${none && html`<${Absent} what="No memory was sampled in this run." />`}
    <div class="grid">
      <${MemoryChart} title="Private memory of the target" curves=${ending(" private")} marks=${marks} />
      <${MemoryChart} title="File-mapped memory of the target" curves=${[...ending(" file-mapped"), ...ending(" shared")]} marks=${marks} />
      <${MemoryChart} title="Device memory" curves=${device} marks=${marks} />
      <${MemoryChart} title="Memory of the host" curves=${host} marks=${marks} />
    </div>
    ${!none && device.length === 0 && html`<${Absent} what="No device memory was sampled: no GPU, or none that this machine lets be read." />`}
    ${marks.length > 0 && html`<${Events} marks=${marks} />`}
  <//>` as VNode;
}

// stats::samples_for_quantile at 99 % confidence; the page only says it, report_payload.cc decided it.
const PERCENTILES: [number, string][] = [
  [0.5, "p50"],
  [0.9, "p90"],
  [0.99, "p99"],
];

function percentile(p: number): (l: Latency) => number | null {
  return (l) => l.percentiles_ms.find(([q]) => q === p)?.[1] ?? null;
}

function latencyCells(l: Latency | undefined, columns: Column[]): VNode[] {
  return columns.map(({ value }, i) => html`<td class=${i === 0 ? "num group" : "num"}>${number(l ? value(l) : null)}</td>` as VNode);
}

interface Column {
  name: string;
  value: (l: Latency) => number | null;
}

const MEDIAN: Column[] = PERCENTILES.slice(0, 1).map(([p, name]) => ({ name, value: percentile(p) }));
const ALL: Column[] = [
  { name: "n", value: (l) => l.n },
  ...PERCENTILES.map(([p, name]) => ({ name, value: percentile(p) })),
  { name: "max", value: (l) => l.max_ms },
];

const GROUPS: [string, string, Column[]][] = [
  ["TTFT", "TTFT from the planned start", ALL],
  ["TTFT from the send", "from the send", MEDIAN],
  ["ITL", "ITL", ALL],
];

function LatencyTable({ latencies, several }: { latencies: Latency[]; several: boolean }): VNode {
  const rows = new Map<string, Latency[]>();
  for (const l of latencies) {
    const key = JSON.stringify([l.model, l.test]);
    rows.set(key, [...(rows.get(key) ?? []), l]);
  }
  return html`<${Scroll} label="Latency by test">
    <table class="figures">
      <caption>Latency of complete requests, ms. Percentiles need 11 (p50), 64 (p90) and 662 (p99) samples.</caption>
      <thead>
        <tr>
          <th scope="col" rowspan="2">Test</th>
          ${several && html`<th scope="col" rowspan="2">Model</th>`}
          ${GROUPS.map(([, title, columns]) => html`<th scope="colgroup" colspan=${columns.length} class="over group">${title}</th>`)}
        </tr>
        <tr>
          ${GROUPS.map(([, , columns]) => columns.map(({ name }, i) => html`<th scope="col" class=${i === 0 ? "num group" : "num"}>${name}</th>`))}
        </tr>
      </thead>
      <tbody>
        ${[...rows.values()].map(
          (row) => html`<tr>
            <th scope="row"><${Said} text=${row[0]?.test ?? ""} /></th>
            ${several && html`<td class="nowrap"><${Said} text=${row[0]?.model ?? ""} /></td>`}
            ${GROUPS.map(([quantity, , columns]) => latencyCells(row.find((l) => l.quantity === quantity), columns))}
          </tr>`,
        )}
      </tbody>
    </table>
  <//>` as VNode;
}

function Distribution({ latencies, quantity, model, several }: { latencies: Latency[]; quantity: string; model: string; several: boolean }): VNode | null {
  const mine = latencies.filter((l) => l.quantity === quantity && l.model === model);
  if (mine.length === 0) return null;
  return html`<${Chart}
    title=${`${quantity}${several ? ` · ${model}` : ""}`}
    x=${{ label: "ms, logarithmic", kind: "log" }}
    y=${{ label: "share of samples at or below", unit: "share", fromZero: true }}
    series=${mine.map((l, i): Series => ({
      name: `${l.test} (n ${l.n})`,
      x: l.value_ms.map((v) => Math.max(v, 0.001)),
      y: l.share,
      off: i >= CURVES_SHOWN,
    }))}
  />` as VNode;
}

function Endings({ payload }: { payload: Payload }): VNode | null {
  const { endings } = payload.requests;
  if (endings.length === 0) return null;
  const failed = endings.filter((e) => e.ending !== "complete");
  const total = endings.reduce((sum, e) => sum + e.n, 0);
  const bad = failed.reduce((sum, e) => sum + e.n, 0);
  return html`<div>
    <h3>How requests ended</h3>
    <p>${plural(total, "request")}, ${total - bad} complete, ${bad} not. Some tests provoke errors on purpose; what each makes of them is under Tests.</p>
    ${failed.length > 0 &&
    html`<${Scroll} label="Requests that did not complete">
      <table>
        <caption class="unseen">Requests that did not complete</caption>
        <thead><tr><th scope="col">Test</th><th scope="col">Model</th><th scope="col">Ending</th><th scope="col" class="num">n</th></tr></thead>
        <tbody>
          ${failed.map((e) => html`<tr><th scope="row"><${Said} text=${e.test} /></th><td><${Said} text=${e.model} /></td><td>${e.ending.replace(/_/g, " ")}</td><td class="num">${e.n}</td></tr>`)}
        </tbody>
      </table>
    <//>`}
  </div>` as VNode;
}

export function Latencies({ payload }: { payload: Payload }): VNode {
  const { latencies } = payload.requests;
  const models = [...new Set(latencies.map((l) => l.model))];
  return html`<${Section}
    id="latency"
    title="Latency"
    lead="TTFT counts from the planned start to the first text, so a stall of the server shows as it would to its users; ITL is the gap between chunks. Curves are the share of samples at or below a value."
  >
    ${latencies.length === 0 && html`<${Absent} what="No request completed with a streamed reply." />`}
    <div class="grid">
      ${models.flatMap((model) =>
        ["TTFT", "ITL"].map((q) => html`<${Distribution} latencies=${latencies} quantity=${q} model=${model} several=${models.length > 1} />`),
      )}
    </div>
    ${latencies.length > 0 && html`<${LatencyTable} latencies=${latencies} several=${models.length > 1} />`}
    <${Endings} payload=${payload} />
  <//>` as VNode;
}

export function Speed({ payload }: { payload: Payload }): VNode {
  const { speeds } = payload.requests;
  const context = [...tablesOf(payload, "2.3", "line"), ...tablesOf(payload, "5.2", "line")];
  const sessions = tablesOf(payload, "2.2").filter((o) => o.table.columns[0] === "sessions");
  return html`<${Section} id="speed" title="Speed and scaling">
    <h3>Against context</h3>
    ${speeds.length + context.length === 0 && html`<${Absent} what="No request had its tokens counted at both ends, so there is no speed against context." />`}
    ${speeds.length > 0 &&
    html`<${Chart}
      title="Decode speed of each request"
      x=${{ label: "context in the middle of the decode, tokens", kind: "number" }}
      y=${{ label: "tok/s", unit: "tok/s", fromZero: true }}
      points=${true}
      series=${speeds.map((s): Series => ({ name: s.n > s.context_tokens.length ? `${s.model} (${s.context_tokens.length} of ${s.n})` : `${s.model} (n ${s.n})`, x: s.context_tokens, y: s.tok_per_s }))}
    />`}
    <${ResultTables} owned=${context} />
    <h3>Against parallel sessions</h3>
    ${sessions.length === 0 ? html`<${Absent} what="Test 2.2 gave no figures in this run." />` : html`<${LineTables} owned=${sessions} known=${true} />`}
  <//>` as VNode;
}

