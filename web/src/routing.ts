// Where tokens went: layer × expert for each prompt set, and the difference between two sets.
import { html } from "htm/preact";
import type { VNode } from "preact";
import { useMemo, useState } from "preact/hooks";
import { number, plural } from "./format";
import { HeatLegend, Heatmap } from "./heatmap";
import { Absent, Said, Section } from "./parts";
import type { Figure, Payload, Routing } from "./payload";

/** Sets from the traces; for a model without any, from the share maps that its tests made. */
function setsOf(payload: Payload, m: number): Routing[] {
  const model = payload.result.models[m];
  if (!model) return [];
  const traced = payload.routing.filter((r) => r.model === model.id);
  if (traced.length > 0) return traced;
  return (payload.tables[m] ?? []).flat().flatMap((table) => {
    const share = table.rows.map((row) => row.map((v) => v ?? 0));
    const sums = share.map((row) => row.reduce((a, b) => a + b, 0));
    if (table.kind !== "heatmap" || share.length === 0 || sums.some((s) => Math.abs(s - 1) > 0.01)) return [];
    const layers = share.map((_, i) => Number(/\d+/.exec(table.row_labels[i] ?? "")?.[0] ?? i));
    return [{ model: model.id, set: table.title.split(": ").pop() ?? table.title, tokens: 0, layers, share }];
  });
}

const layerNames = (r: Routing) => r.layers.map((l) => `layer ${l}`);
const expertNames = (r: Routing) => (r.share[0] ?? []).map((_, e) => `expert ${e}`);

/** a − b over the layers that both have. */
function difference(a: Routing, b: Routing): { layers: number[]; rows: Figure[][] } {
  const layers = a.layers.filter((l) => b.layers.includes(l));
  const rows = layers.map((layer) => {
    const x = a.share[a.layers.indexOf(layer)] ?? [];
    const y = b.share[b.layers.indexOf(layer)] ?? [];
    return x.map((v, e) => v - (y[e] ?? 0));
  });
  return { layers, rows };
}

function Choice(props: { label: string; sets: Routing[]; value: number; choose: (i: number) => void }): VNode {
  return html`<label class="choice"
    >${props.label}
    <select value=${String(props.value)} onChange=${(e: Event) => props.choose(Number((e.target as HTMLSelectElement).value))}>
      ${props.sets.map((s, i) => html`<option value=${String(i)} selected=${i === props.value}>${s.set}</option>`)}
    </select></label
  >` as VNode;
}

function Pair({ sets, model }: { sets: Routing[]; model: string }): VNode | null {
  const [a, setA] = useState(0);
  const [b, setB] = useState(1);
  const first = sets[a];
  const second = sets[b];
  const map = useMemo(() => {
    if (!first || !second) return null;
    const { layers, rows } = difference(first, second);
    return {
      title: `${first.set} − ${second.set}`,
      rows,
      rowNames: layers.map((l) => `layer ${l}`),
      columnNames: expertNames(first),
      scale: { kind: "difference" as const, experts: first.share[0]?.length ?? 1 },
    };
  }, [first, second]);
  if (!map) return null;
  return html`<div class="pair">
    <h4>Difference between two sets</h4>
    <div class="choices" role="group" aria-label=${`Sets of ${model} to compare`}>
      <${Choice} label="Set" sets=${sets} value=${a} choose=${setA} />
      <${Choice} label="less" sets=${sets} value=${b} choose=${setB} />
    </div>
    <${Heatmap} ...${map} note="above zero: the first set uses the expert more" />
    <${HeatLegend} scale=${map.scale} />
  </div>` as VNode;
}

function ModelRouting({ sets, model, heading }: { sets: Routing[]; model: string; heading: boolean }): VNode {
  const maps = useMemo(
    () =>
      sets.map((r) => ({
        title: r.set,
        note: r.tokens > 0 ? plural(r.tokens, "token") : "",
        rows: r.share as Figure[][],
        rowNames: layerNames(r),
        columnNames: expertNames(r),
        scale: { kind: "uniform" as const, experts: r.share[0]?.length ?? 1 },
      })),
    [sets],
  );
  const scale = maps[0]?.scale;
  return html`<div>
    ${heading && html`<h3><${Said} text=${model} /></h3>`}
    ${scale && html`<p class="meta">${scale.experts} experts: uniform routing would give each ${number(100 / scale.experts)} %.</p>`}
    <div class="grid maps">${maps.map((map) => html`<${Heatmap} ...${map} />`)}</div>
    ${scale && html`<${HeatLegend} scale=${scale} />`}
    ${sets.length > 1 && html`<${Pair} sets=${sets} model=${model} />`}
  </div>` as VNode;
}

export function RoutingSection({ payload }: { payload: Payload }): VNode {
  const models = payload.result.models;
  const all = useMemo(() => models.map((_, m) => setsOf(payload, m)), [payload]);
  return html`<${Section}
    id="routing"
    title="Expert routing"
    lead="The share of its layer's choices that each expert got; rows are layers, columns experts. One colour scale for all maps, anchored at the uniform share 1/E."
  >
    ${all.every((sets) => sets.length === 0) && html`<${Absent} what="No routing was traced: it takes the embedded engine, or a replay of the texts through it." />`}
    ${all.map((sets, m) => sets.length > 0 && html`<${ModelRouting} sets=${sets} model=${models[m]?.id ?? ""} heading=${models.length > 1} />`)}
  <//>` as VNode;
}
