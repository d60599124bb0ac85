// Curves and point clouds, drawn by uPlot. Each has a legend that a keyboard can switch, a spoken summary, and its
// data as a table.
import { html } from "htm/preact";
import type { VNode } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { clock, figure, number, percent } from "./format";
import { Lazy, Scroll } from "./parts";
import type { Figure, Mark } from "./payload";
import { color, onTheme } from "./theme";

export type XKind = "time" | "number" | "log";

export interface Series {
  name: string;
  x: number[];
  y: Figure[];
  /** begins switched off */
  off?: boolean;
}
export interface ChartProps {
  title: string;
  x: { label: string; kind: XKind };
  /** unit as in format.figure; "share" is shown in per cent */
  y: { label: string; unit: string; fromZero: boolean };
  series: Series[];
  points?: boolean;
  marks?: Mark[];
}

const PALETTE = 8;
const HEIGHT = 250;
const TABLE_ROWS = 200;
const MARK_NUMBERS = 24;

type Aligned = { x: number[]; y: (Figure | undefined)[][] };

/** One x axis for all series. undefined: this series has no point there; null: it has a gap there. */
function align(series: Series[], points: boolean): Aligned {
  if (series.length === 0) return { x: [], y: [] };
  if (!points) {
    const joined = uPlot.join(series.map((s) => [s.x, s.y] as uPlot.AlignedData));
    return { x: joined[0] as number[], y: joined.slice(1) as (Figure | undefined)[][] };
  }
  // Points with equal x must all stay.
  const all = series.flatMap((s, i) => s.x.map((x, j) => ({ x, y: s.y[j] ?? null, i })));
  all.sort((a, b) => a.x - b.x);
  return {
    x: all.map((p) => p.x),
    y: series.map((_, i) => all.map((p) => (p.i === i ? p.y : null))),
  };
}

function xText(kind: XKind, value: number): string {
  return kind === "time" ? clock(value) : number(value);
}
function yText(unit: string, value: Figure): string {
  if (unit === "share" && value !== null) return percent(value);
  return figure(value, unit);
}

/** What the chart shows, for those who can't see it. */
function spoken({ title, series, x, y }: ChartProps): string {
  const parts = series.map((s) => {
    const ys = s.y.filter((v): v is number => v !== null);
    if (ys.length === 0) return `${s.name}: no figures`;
    const low = ys.reduce((a, b) => Math.min(a, b));
    const high = ys.reduce((a, b) => Math.max(a, b));
    return `${s.name}: ${ys.length} points, ${yText(y.unit, low)} to ${yText(y.unit, high)}, last ${yText(y.unit, ys[ys.length - 1] ?? null)}`;
  });
  return `${title}. ${y.label} against ${x.label}. ${parts.join(". ")}.`;
}

function drawMarks(marks: Mark[]) {
  return (u: uPlot) => {
    const { ctx } = u;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.strokeStyle = color("--mark");
    ctx.fillStyle = color("--muted");
    ctx.lineWidth = ratio;
    ctx.setLineDash([2 * ratio, 3 * ratio]);
    ctx.font = `${10 * ratio}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    let labelEnd = -1;
    marks.forEach((mark, i) => {
      const at = Math.round(u.valToPos(mark.seconds, "x", true));
      if (at < u.bbox.left || at > u.bbox.left + u.bbox.width) return;
      ctx.beginPath();
      ctx.moveTo(at, u.bbox.top);
      ctx.lineTo(at, u.bbox.top + u.bbox.height);
      ctx.stroke();
      if (marks.length <= MARK_NUMBERS && at > labelEnd) {
        ctx.fillText(String(i + 1), at + 3 * ratio, u.bbox.top + 10 * ratio);
        labelEnd = at + 16 * ratio;
      }
    });
    ctx.restore();
  };
}

function yRange(fromZero: boolean): uPlot.Range.Function {
  return (_u, min, max) => {
    if (min === null || max === null) return [0, 1];
    if (fromZero) return [Math.min(0, min), max > 0 ? max * 1.06 : 1];
    // Never less than a tenth of the figure: noise must not look like a slope.
    const span = Math.max(max - min, Math.abs(max) * 0.1, Number.MIN_VALUE);
    const middle = (min + max) / 2;
    return [Math.max(min >= 0 ? 0 : -Infinity, middle - span * 0.6), middle + span * 0.6];
  };
}

/** Steps of the x axis: whole minutes and hours for a time, whole numbers where all x are. */
function steps(kind: XKind, xs: number[]): { incrs?: number[] } {
  if (kind === "time") return { incrs: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800] };
  if (kind === "number" && xs.every(Number.isInteger)) return { incrs: [1, 2, 5].flatMap((m) => [...Array(10).keys()].map((e) => m * 10 ** e)).sort((a, b) => a - b) };
  return {};
}

/** Of a logarithmic axis, the ticks that get a label. */
function oneTwoFive(_u: uPlot, splits: number[]): (number | null)[] {
  return splits.map((v) => ([1, 2, 5].includes(Math.round(v / 10 ** Math.floor(Math.log10(v * 1.0001)))) ? v : null));
}

function options(props: ChartProps, xs: number[], width: number, shown: boolean[], onCursor: (u: uPlot) => void): uPlot.Options {
  const { x, y } = props;
  const axis = { stroke: color("--muted"), font: "11px system-ui, sans-serif", labelFont: "11px system-ui, sans-serif" };
  const lines = { grid: { stroke: color("--grid"), width: 1 }, ticks: { stroke: color("--grid"), width: 1, size: 4 } };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { drag: { x: true, y: false }, points: { size: 7 } },
    scales: {
      x: { time: false, distr: x.kind === "log" ? 3 : 1 },
      y: { range: yRange(y.fromZero) },
    },
    axes: [
      {
        ...axis,
        ...lines,
        label: x.label,
        labelSize: 18,
        size: 30,
        space: 64,
        values: (_u, splits) => splits.map((v) => (v === null ? "" : xText(x.kind, v))),
        ...steps(x.kind, xs),
        ...(x.kind === "log" ? { filter: oneTwoFive } : {}),
      },
      {
        ...axis,
        ...lines,
        size: 62,
        values: (_u, splits) => splits.map((v) => (y.unit === "bytes" || y.unit === "share" ? yText(y.unit, v) : number(v))),
      },
    ],
    series: [
      {},
      ...props.series.map((s, i): uPlot.Series => {
        const stroke = color(`--s${(i % PALETTE) + 1}`);
        return {
          label: s.name,
          show: shown[i] ?? true,
          stroke,
          width: 1.6,
          dash: i >= PALETTE ? [7, 4] : [],
          points: props.points
            ? { show: true, size: 5, stroke, fill: stroke }
            : { show: s.x.length <= 40, size: 5, stroke, fill: stroke },
          ...(props.points ? { paths: () => null } : {}),
        };
      }),
    ],
    hooks: {
      setCursor: [onCursor],
      ...(props.marks?.length ? { drawClear: [drawMarks(props.marks)] } : {}),
    },
  };
}

function DataTable({ chart, data }: { chart: ChartProps; data: Aligned }): VNode {
  const step = Math.max(1, Math.ceil(data.x.length / TABLE_ROWS));
  const rows = data.x.map((_, i) => i).filter((i) => i % step === 0);
  return html`<${Scroll} label=${`${chart.title}, data`}>
    <table class="figures">
      <caption>${chart.title}${step > 1 && `, every ${step}th point`}</caption>
      <thead>
        <tr>
          <th scope="col" class="num">${chart.x.label}</th>
          ${chart.series.map((s) => html`<th scope="col" class="num"><bdi>${s.name}</bdi></th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (i) => html`<tr>
            <th scope="row" class="num">${xText(chart.x.kind, data.x[i] ?? 0)}</th>
            ${data.y.map((ys) => html`<td class="num">${ys[i] === undefined ? "" : yText(chart.y.unit, ys[i] ?? null)}</td>`)}
          </tr>`,
        )}
      </tbody>
    </table>
  <//>` as VNode;
}

export function Chart(props: ChartProps): VNode {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const at = useRef<HTMLSpanElement>(null);
  const values = useRef<(HTMLSpanElement | null)[]>([]);
  const [shown, setShown] = useState(() => props.series.map((s) => !s.off));
  const data = useMemo(() => align(props.series, props.points ?? false), [props.series, props.points]);

  useEffect(() => {
    const element = box.current;
    if (!element || data.x.length === 0) return;
    const showCursor = (u: uPlot) => {
      const i = u.cursor.idx;
      const inside = i !== null && i !== undefined && (u.cursor.left ?? -1) >= 0;
      if (at.current) at.current.textContent = inside ? `at ${xText(props.x.kind, data.x[i] ?? 0)}` : "";
      data.y.forEach((ys, s) => {
        const span = values.current[s];
        const value = inside ? ys[i] : undefined;
        if (span) span.textContent = value === undefined || value === null ? "" : yText(props.y.unit, value);
      });
    };
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(
        options(props, data.x, Math.max(280, element.clientWidth), shown, showCursor),
        [data.x, ...data.y] as uPlot.AlignedData,
        element,
      );
    };
    draw();
    const resized = new ResizeObserver(() => {
      const width = Math.max(280, element.clientWidth);
      if (plot.current && plot.current.width !== width) plot.current.setSize({ width, height: HEIGHT });
    });
    resized.observe(element);
    const forget = onTheme(draw);
    return () => {
      forget();
      resized.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [props, data, shown]);

  const toggle = (i: number) => setShown(shown.map((on, j) => (j === i ? !on : on)));
  const move = (event: KeyboardEvent) => {
    const u = plot.current;
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity }[event.key];
    if (!u || step === undefined) return;
    event.preventDefault();
    const from = u.cursor.idx ?? (step > 0 ? -1 : data.x.length);
    const to = Math.min(data.x.length - 1, Math.max(0, from + step));
    u.setCursor({ left: u.valToPos(data.x[to] ?? 0, "x"), top: 10 });
  };

  return html`<figure class="chart">
    <figcaption>
      <span class="title">${props.title}</span>
      ${props.y.label !== "bytes" && html`<span class="unit">${props.y.label}</span>`}
      <span class="at" ref=${at} aria-live="polite"></span>
    </figcaption>
    <div class="plot" ref=${box} role="img" aria-label=${spoken(props)} tabindex="0" onKeyDown=${move}></div>
    <div class="legend" role="group" aria-label=${`Curves of ${props.title}`}>
      ${props.series.map(
        (s, i) => html`<button type="button" aria-pressed=${shown[i] ? "true" : "false"} onClick=${() => toggle(i)}>
          <span class=${`key${i >= PALETTE ? " dashed" : ""}`} style=${{ "--key": `var(--s${(i % PALETTE) + 1})` }}></span>
          <bdi>${s.name}</bdi>
          <span class="value" ref=${(e: HTMLSpanElement | null) => (values.current[i] = e)}></span>
        </button>`,
      )}
    </div>
    <${Lazy} class="data" summary="Data" body=${() => html`<${DataTable} chart=${props} data=${data} />`} />
  </figure>` as VNode;
}
