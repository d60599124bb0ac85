// Layer × expert maps on canvas. Shares of routing are coloured by their ratio to the uniform share 1/E, on one
// scale for all maps, so that the same colour means the same everywhere.
import { html } from "htm/preact";
import type { VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { number, percent } from "./format";
import { Lazy, Scroll } from "./parts";
import type { Figure } from "./payload";
import { color, onTheme } from "./theme";

export type Scale =
  | { kind: "uniform"; experts: number } /** a share; log2 of share·E from −3 to 3 */
  | { kind: "difference"; experts: number } /** of two shares; (a − b)·E from −2 to 2 */
  | { kind: "range"; low: number; high: number };

export interface HeatmapProps {
  title: string;
  note?: string;
  rows: Figure[][];
  rowNames: string[];
  columnNames: string[];
  scale: Scale;
}

const OCTAVES = 3;
const DIFFERENCE_MAX = 2;

type Rgb = [number, number, number];

function rgb(name: string): Rgb {
  const hex = color(name).replace("#", "");
  return [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16)) as Rgb;
}

function mix(a: Rgb, b: Rgb, t: number): string {
  return `rgb(${a.map((v, i) => Math.round(v + ((b[i] ?? 0) - v) * t)).join(",")})`;
}

/** −1 … 1 on the diverging colours; for a range 0 … 1. */
export function position(scale: Scale, value: number): number {
  const clip = (t: number) => Math.max(-1, Math.min(1, t));
  if (scale.kind === "uniform") return value <= 0 ? -1 : clip(Math.log2(value * scale.experts) / OCTAVES);
  if (scale.kind === "difference") return clip((value * scale.experts) / DIFFERENCE_MAX);
  return scale.high > scale.low ? clip((value - scale.low) / (scale.high - scale.low)) : 0;
}

function painter(scale: Scale): (value: Figure) => string {
  const low = rgb("--heat-low");
  const middle = rgb("--heat-middle");
  const high = rgb("--heat-high");
  const none = color("--heat-none");
  const absent = color("--panel");
  return (value) => {
    if (value === null) return absent;
    if (scale.kind === "uniform" && value === 0) return none;
    const t = position(scale, value);
    return t < 0 ? mix(middle, low, -t) : mix(middle, high, t);
  };
}

function cellText(scale: Scale, value: Figure): string {
  if (value === null) return "absent";
  if (scale.kind === "range") return number(value);
  if (scale.kind === "difference") return `${value > 0 ? "+" : ""}${number(value * 100)} points`;
  return `${percent(value)}, ${number(value * scale.experts)} × uniform`;
}

/** The map in one sentence. */
function spoken({ title, rows, rowNames, columnNames, scale }: HeatmapProps): string {
  let high = { value: -Infinity, row: 0, column: 0 };
  let never = 0;
  rows.forEach((cells, row) =>
    cells.forEach((value, column) => {
      if (value === 0) never += 1;
      if (value !== null && Math.abs(value) > high.value) high = { value: Math.abs(value), row, column };
    }),
  );
  const at = rows[high.row]?.[high.column] ?? null;
  const size = `${rows.length} rows, ${columnNames.length} columns`;
  const top = `largest at ${rowNames[high.row]}, ${columnNames[high.column]}: ${cellText(scale, at)}`;
  return `${title}. ${size}; ${top}${scale.kind === "uniform" ? `; ${never} never chosen` : ""}.`;
}

function DataTable(props: HeatmapProps): VNode {
  const { scale } = props;
  const shown = (v: Figure) => (v === null ? "" : scale.kind === "range" ? number(v) : number(Number((v * 100).toPrecision(3))));
  return html`<${Scroll} label=${`${props.title}, data`}>
    <table class="figures tight">
      <caption>${props.title}${scale.kind !== "range" && ", per cent of the layer's choices"}</caption>
      <thead>
        <tr>
          <th scope="col"><span class="unseen">Row</span></th>
          ${props.columnNames.map((name) => html`<th scope="col" class="num">${name.replace(/^expert /, "")}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${props.rows.map(
          (row, i) => html`<tr>
            <th scope="row"><bdi>${props.rowNames[i]}</bdi></th>
            ${row.map((value) => html`<td class="num">${shown(value)}</td>`)}
          </tr>`,
        )}
      </tbody>
    </table>
  <//>` as VNode;
}

export function Heatmap(props: HeatmapProps): VNode {
  const canvas = useRef<HTMLCanvasElement>(null);
  const readout = useRef<HTMLSpanElement>(null);
  const cursor = useRef<{ row: number; column: number } | null>(null);
  const columns = props.columnNames.length;

  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const draw = () => {
      const ratio = devicePixelRatio || 1;
      const width = element.clientWidth || 300;
      const cell = Math.max(2, Math.floor((width * ratio) / Math.max(1, columns)));
      const height = Math.max(Math.floor(4 * ratio), Math.min(cell, Math.floor(11 * ratio)));
      element.width = cell * columns;
      element.height = height * props.rows.length;
      const context = element.getContext("2d");
      if (!context) return;
      const paint = painter(props.scale);
      const gap = cell >= 6 * ratio ? Math.round(ratio) : 0;
      props.rows.forEach((row, i) =>
        row.forEach((value, j) => {
          context.fillStyle = paint(value);
          context.fillRect(j * cell, i * height, cell - gap, height - (gap && height > 4 * ratio ? gap : 0));
        }),
      );
      const at = cursor.current;
      if (at) {
        context.strokeStyle = color("--ink");
        context.lineWidth = Math.max(1, Math.round(1.5 * ratio));
        context.strokeRect(at.column * cell, at.row * height, cell - gap, height - gap);
      }
    };
    draw();
    let width = element.clientWidth;
    const resized = new ResizeObserver(() => {
      if (element.clientWidth === width) return;
      width = element.clientWidth;
      draw();
    });
    resized.observe(element);
    const forget = onTheme(draw);
    const point = (row: number, column: number) => {
      cursor.current = { row, column };
      if (readout.current)
        readout.current.textContent = `${props.rowNames[row]}, ${props.columnNames[column]}: ${cellText(props.scale, props.rows[row]?.[column] ?? null)}`;
      draw();
    };
    const leave = () => {
      cursor.current = null;
      if (readout.current) readout.current.textContent = "";
      draw();
    };
    const hover = (event: PointerEvent) => {
      const bounds = element.getBoundingClientRect();
      const column = Math.floor(((event.clientX - bounds.left) / bounds.width) * columns);
      const row = Math.floor(((event.clientY - bounds.top) / bounds.height) * props.rows.length);
      if (row >= 0 && row < props.rows.length && column >= 0 && column < columns) point(row, column);
    };
    const key = (event: KeyboardEvent) => {
      const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      if (!step) return;
      event.preventDefault();
      const from = cursor.current ?? { row: 0, column: 0 };
      point(
        Math.max(0, Math.min(props.rows.length - 1, from.row + (step[0] ?? 0))),
        Math.max(0, Math.min(columns - 1, from.column + (step[1] ?? 0))),
      );
    };
    element.addEventListener("pointermove", hover);
    element.addEventListener("pointerleave", leave);
    element.addEventListener("keydown", key);
    element.addEventListener("blur", leave);
    return () => {
      forget();
      resized.disconnect();
      element.removeEventListener("pointermove", hover);
      element.removeEventListener("pointerleave", leave);
      element.removeEventListener("keydown", key);
      element.removeEventListener("blur", leave);
    };
  }, [props]);

  return html`<figure class="heatmap">
    <figcaption><bdi class="title">${props.title}</bdi> ${props.note && html`<span class="unit">${props.note}</span>`}</figcaption>
    <div class="map">
      <span class="rows" aria-hidden="true"
        ><span>${props.rowNames[0]}</span><span>${props.rowNames[props.rowNames.length - 1]}</span></span
      >
      <canvas ref=${canvas} role="img" aria-label=${spoken(props)} tabindex="0"></canvas>
      <span class="columns" aria-hidden="true"
        ><span>${props.columnNames[0]}</span><span>${props.columnNames[columns - 1]}</span></span
      >
    </div>
    <p class="readout"><span ref=${readout} aria-live="polite"></span></p>
    <${Lazy} class="data" summary="Data" body=${() => html`<${DataTable} ...${props} />`} />
  </figure>` as VNode;
}

/** What the colours mean. */
export function HeatLegend({ scale }: { scale: Scale }): VNode {
  const ticks =
    scale.kind === "uniform"
      ? ["⅛", "¼", "½", "1", "2", "4", "8"]
      : scale.kind === "difference"
        ? ["−2/E", "−1/E", "equal", "+1/E", "+2/E"]
        : [number(scale.low), number(scale.high)];
  return html`<div class="heat-legend">
    <span class=${`ramp ${scale.kind === "range" ? "one-sided" : ""}`} aria-hidden="true"></span>
    <span class="ticks">${ticks.map((t, i) => html`<span style=${{ left: `${(100 * i) / (ticks.length - 1)}%` }}>${t}</span>`)}</span>
    ${scale.kind === "uniform" &&
    html`<span class="of">times the uniform share 1/E</span><span class="never"><span class="swatch" aria-hidden="true"></span> never chosen</span>`}
  </div>` as VNode;
}
