// Figures as people read them, the same way as in summary.md and on the terminal (plain_text.cc).
import type { Figure, VerdictName } from "./payload";

export const NONE = "–";

export const SYMBOL: Record<VerdictName, string> = {
  PASS: "✓",
  FAIL: "✗",
  INCONCLUSIVE: "?",
  INVALID: "!",
  SKIPPED: "–",
};

export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let v = Math.abs(value);
  let unit = 0;
  while (v >= 999.5 && unit + 1 < units.length) {
    v /= 1000;
    unit += 1;
  }
  const decimals = unit === 0 || v >= 99.95 ? 0 : v >= 9.995 ? 1 : 2;
  return `${value < 0 ? "−" : ""}${v.toFixed(decimals)} ${units[unit]}`;
}

export function seconds(value: number): string {
  const v = Math.abs(value);
  const sign = value < 0 ? "−" : "";
  if (v < 0.9995) return `${sign}${Math.round(v * 1000)} ms`;
  if (v < 99.95) return `${sign}${v.toFixed(1)} s`;
  const whole = Math.round(v);
  const two = (n: number) => String(n).padStart(2, "0");
  if (whole < 3600) return `${sign}${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${sign}${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}

/** Up to four significant digits; whole numbers below a million as they are. */
export function number(value: Figure): string {
  if (value === null || !Number.isFinite(value)) return NONE;
  const v = Math.abs(value);
  if (Number.isInteger(value) && v < 1e6) return String(value).replace("-", "−");
  if (v >= 1e6 || v < 1e-3) return value.toExponential(2).replace("e+", "e").replace(/-/g, "−");
  return String(Number(value.toPrecision(4))).replace("-", "−");
}

export function figure(value: Figure, unit: string): string {
  if (value === null || !Number.isFinite(value)) return NONE;
  if (unit.startsWith("bytes")) return bytes(value) + unit.slice(5); // "bytes/h" keeps its denominator
  if (unit === "s") return seconds(value);
  return unit ? `${number(value)} ${unit}` : number(value);
}

export function interval(ci: [number, number] | null, unit: string): string {
  if (!ci) return "";
  if (unit.startsWith("bytes") || unit === "s") return `${figure(ci[0], unit)} … ${figure(ci[1], unit)}`;
  return `${number(ci[0])} … ${number(ci[1])}`;
}

/** An offset from the run's start, as short as it can be for an axis. */
export function clock(value: number): string {
  const whole = Math.max(0, Math.round(value));
  const two = (n: number) => String(n).padStart(2, "0");
  const h = Math.floor(whole / 3600);
  const m = Math.floor((whole % 3600) / 60);
  return h > 0 ? `${h}:${two(m)}:${two(whole % 60)}` : `${m}:${two(whole % 60)}`;
}

export function percent(share: number): string {
  return `${number(share * 100)} %`;
}

/** The unit that a column's name ends in: "ttft_ms_p50", "Decode (tok/s)", "private bytes"; empty where none is told. */
export function unitOf(column: string): string {
  const bare = column.toLowerCase().replace(/[_ ](p\d+|min|max|mean|median|peak|total|low|high|lo|hi|predicted|measured)$/, "");
  const bracketed = /[([]([^)\]]+)[)\]]\s*$/.exec(bare);
  const word = bracketed?.[1] ?? (/(?:^|[_ ,])(bytes|ms|seconds|s|tok[_/]s|tokens|%|percent|gb\/s|bits|watts)$/.exec(bare)?.[1] ?? "");
  return word.replace("tok_s", "tok/s").replace("seconds", "s").replace("percent", "%");
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}
