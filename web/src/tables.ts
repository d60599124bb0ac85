// Tables of figures: plain, and with bars inside the cells.
import { html } from "htm/preact";
import type { VNode } from "preact";
import { figure, number, unitOf } from "./format";
import { Absent, Scroll } from "./parts";
import type { Figure, Table } from "./payload";

/** Bytes and seconds become readable; other units stay in the column's name, where they stand already. */
function cellText(value: Figure, column: string): string {
  const unit = unitOf(column);
  return unit === "bytes" || unit === "s" ? figure(value, unit) : number(value);
}

export function LeftOut({ rows, thinned = false }: { rows: number; thinned?: boolean }): VNode | null {
  if (rows === 0) return null;
  const what = thinned ? "rows are not drawn (the lowest and highest of each stretch are)" : "further rows are not in this report";
  return html`<p class="note">${rows} ${what}; run.db has them.</p>` as VNode;
}

export function FigureTable({ table }: { table: Table }): VNode {
  const labelled = table.row_labels.length > 0;
  return html`<${Scroll} label=${table.title}>
      <table class="figures">
        <caption>${table.title}</caption>
        <thead>
          <tr>
            ${labelled && html`<th scope="col"><span class="unseen">Row</span></th>`}
            ${table.columns.map((column) => html`<th scope="col" class="num">${column}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${table.rows.map(
            (row, i) => html`<tr>
              ${labelled && html`<th scope="row"><bdi>${table.row_labels[i] ?? ""}</bdi></th>`}
              ${table.columns.map((column, j) => html`<td class="num">${cellText(row[j] ?? null, column)}</td>`)}
            </tr>`,
          )}
        </tbody>
      </table>
    <//>
    <${LeftOut} rows=${table.rows_left_out} />` as VNode;
}

/** A bar chart that is its own data table: a bar under each figure, the scale shared by the columns of one unit. */
export function BarTable({ table }: { table: Table }): VNode {
  if (table.rows.length === 0) return html`<${Absent} what=${`${table.title}: no rows.`} />` as VNode;
  const scale = new Map<string, number>();
  table.columns.forEach((column, j) => {
    const unit = unitOf(column);
    const largest = Math.max(...table.rows.map((row) => Math.abs(row[j] ?? 0)), scale.get(unit) ?? 0);
    scale.set(unit, largest);
  });
  return html`<${Scroll} label=${table.title}>
      <table class="figures bars">
        <caption>${table.title}</caption>
        <thead>
          <tr>
            <th scope="col"><span class="unseen">Row</span></th>
            ${table.columns.map((column) => html`<th scope="col" class="num">${column}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${table.rows.map(
            (row, i) => html`<tr>
              <th scope="row"><bdi>${table.row_labels[i] ?? String(i + 1)}</bdi></th>
              ${table.columns.map((column, j) => {
                const value = row[j] ?? null;
                const full = scale.get(unitOf(column)) || 1;
                const width = value === null ? 0 : (100 * Math.abs(value)) / full;
                return html`<td class="num">
                  ${cellText(value, column)}
                  <span class=${value !== null && value < 0 ? "bar negative" : "bar"} aria-hidden="true"
                    ><span style=${{ width: `${width.toFixed(1)}%` }}></span
                  ></span>
                </td>`;
              })}
            </tr>`,
          )}
        </tbody>
      </table>
    <//>
    <${LeftOut} rows=${table.rows_left_out} />` as VNode;
}
