// The tables that tests produce, drawn by their kind; several models' curves of the same table stand in one chart.
import { html } from "htm/preact";
import type { VNode } from "preact";
import { Chart } from "./chart";
import type { Series, XKind } from "./chart";
import { unitOf } from "./format";
import { HeatLegend, Heatmap } from "./heatmap";
import type { Scale } from "./heatmap";
import { Absent } from "./parts";
import type { Figure, Payload, Table } from "./payload";
import { BarTable, FigureTable, LeftOut } from "./tables";

export interface Owned {
  model: string;
  table: Table;
}

function column(table: Table, j: number): Figure[] {
  return table.rows.map((row) => row[j] ?? null);
}

function xKind(label: string, values: Figure[]): XKind {
  if (unitOf(label) === "s" && values.some((v) => (v ?? 0) > 120)) return "time";
  const positive = values.filter((v): v is number => v !== null && v > 0);
  const ratio = Math.max(...positive) / Math.min(...positive);
  return positive.length === values.length && ratio >= 64 ? "log" : "number";
}

/** Rows with an x, in its order: uPlot needs them ascending. */
function sorted(table: Table): Table {
  const rows = table.rows.filter((row) => typeof row[0] === "number").sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0));
  return { ...table, rows };
}

interface Panel {
  /** of the column, where the panel shows only one */
  column: string;
  unit: string;
  series: Series[];
}

/** One panel a unit for one model; one panel a column where models are compared. */
function panels(owned: Owned[]): Panel[] {
  const first = owned[0];
  if (!first) return [];
  const found = new Map<string, Panel>();
  owned.forEach(({ model, table }) => {
    const x = column(table, 0) as number[];
    table.columns.slice(1).forEach((name, i) => {
      const compared = owned.length > 1;
      const key = compared ? name : unitOf(name);
      const panel = found.get(key) ?? { column: name, unit: unitOf(name), series: [] };
      if (panel.column !== name) panel.column = "";
      panel.series.push({ name: compared ? model : name, x, y: column(table, i + 1) });
      found.set(key, panel);
    });
  });
  return [...found.values()];
}

/** `known`: only the columns whose unit is known. */
export function LineTables({ owned, known = false }: { owned: Owned[]; known?: boolean }): VNode {
  const ordered = owned.map(({ model, table }) => ({ model, table: sorted(table) })).filter((o) => o.table.rows.length > 0);
  const first = ordered[0];
  const title = owned[0]?.table.title ?? "";
  if (!first) return html`<${Absent} what=${`${title}: no points.`} />` as VNode;
  const label = first.table.columns[0] ?? "x";
  const kind = xKind(label, ordered.flatMap((o) => column(o.table, 0)));
  const left = ordered.reduce((sum, o) => sum + o.table.rows_left_out, 0);
  return html`<div class="grid">
      ${panels(ordered).filter((panel) => !known || panel.unit).map((panel) => {
        const name = panel.column ? `${title}: ${panel.column}` : title;
        return html`<${Chart}
          title=${name}
          x=${{ label, kind }}
          y=${{ label: panel.unit, unit: panel.unit, fromZero: panel.unit !== "bytes" }}
          series=${panel.series}
        />`;
      })}
    </div>
    <${LeftOut} rows=${left} thinned=${true} />` as VNode;
}

function heatScale(table: Table): Scale {
  const cells = table.rows.flat().filter((v): v is number => v !== null);
  const sums = table.rows.map((row) => row.reduce<number>((sum, v) => sum + (v ?? 0), 0));
  const shares = cells.length > 0 && cells.every((v) => v >= 0 && v <= 1) && sums.every((s) => Math.abs(s - 1) < 0.01);
  if (shares) return { kind: "uniform", experts: table.columns.length };
  const low = cells.reduce((a, b) => Math.min(a, b), Infinity);
  const high = cells.reduce((a, b) => Math.max(a, b), -Infinity);
  return { kind: "range", low: Number.isFinite(low) ? low : 0, high: Number.isFinite(high) ? high : 1 };
}

export function HeatTable({ table, note }: { table: Table; note?: string }): VNode {
  if (table.rows.length === 0) return html`<${Absent} what=${`${table.title}: no rows.`} />` as VNode;
  const scale = heatScale(table);
  return html`<div>
    <${Heatmap}
      title=${table.title}
      note=${note}
      rows=${table.rows}
      rowNames=${table.rows.map((_, i) => table.row_labels[i] ?? `row ${i + 1}`)}
      columnNames=${table.columns}
      scale=${scale}
    />
    <${HeatLegend} scale=${scale} />
    <${LeftOut} rows=${table.rows_left_out} />
  </div>` as VNode;
}

/**
 * All tables of one test, each by its kind. Curves of the same title and columns stand in one chart for all models;
 * maps come last, beside one another.
 */
export function ResultTables({ owned }: { owned: Owned[] }): VNode {
  const several = new Set(owned.map((o) => o.model)).size > 1;
  const titled = ({ model, table }: Owned): Table => (several ? { ...table, title: `${table.title} · ${model}` } : table);
  const curves = new Map<string, Owned[]>();
  for (const one of owned.filter((o) => o.table.kind === "line")) {
    const key = JSON.stringify([one.table.title, one.table.columns]);
    curves.set(key, [...(curves.get(key) ?? []), one]);
  }
  const maps = owned.filter((o) => o.table.kind === "heatmap");
  return html`<div class="tables">
    ${[...curves.values()].map((group) => html`<${LineTables} owned=${group} />`)}
    ${owned
      .filter((o) => o.table.kind !== "line" && o.table.kind !== "heatmap")
      .map((o) => (o.table.kind === "bars" ? html`<${BarTable} table=${titled(o)} />` : html`<${FigureTable} table=${titled(o)} />`))}
    ${maps.length > 0 && html`<div class="grid maps">${maps.map((o) => html`<${HeatTable} table=${titled(o)} />`)}</div>`}
  </div>` as VNode;
}

/** The tables of one test over all models, of one kind if it is given. */
export function tablesOf(payload: Payload, test: string, kind?: string): Owned[] {
  return payload.result.models.flatMap((model, m) =>
    model.tests.flatMap((t, i) =>
      t.id === test
        ? (payload.tables[m]?.[i] ?? []).filter((table) => !kind || table.kind === kind).map((table) => ({ model: model.id, table }))
        : [],
    ),
  );
}

