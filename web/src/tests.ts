// Every test with its figures, findings and tables. Models stand side by side.
import { html } from "htm/preact";
import type { VNode } from "preact";
import { figure, interval, seconds } from "./format";
import { Absent, Lazy, Said, Scroll, Section, Verdict } from "./parts";
import type { Metric, Payload, Test } from "./payload";
import { ResultTables, tablesOf } from "./result_tables";

interface Entry {
  model: string;
  test: Test;
}

function MetricCell({ metric }: { metric: Metric | undefined }): VNode {
  if (!metric) return html`<td class="num none">–</td>` as VNode;
  const ci = interval(metric.ci, metric.unit);
  return html`<td class="num">
    <span class="fig">${figure(metric.value, metric.unit)}</span>
    <span class="meta">${ci && html`<span class="nowrap">[${ci}]</span> `}<span class="nowrap">n ${metric.n}</span></span>
  </td>` as VNode;
}

function Metrics({ entries, id }: { entries: Entry[]; id: string }): VNode | null {
  const names = [...new Set(entries.flatMap((e) => Object.keys(e.test.metrics)))];
  names.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  if (names.length === 0) return null;
  return html`<${Scroll} label=${`Figures of test ${id}`}>
    <table class="metrics">
      <caption class="unseen">Figures of test ${id}, with their 95 % intervals and n</caption>
      <thead>
        <tr>
          <th scope="col">Metric</th>
          ${entries.map((e) => html`<th scope="col" class="num"><bdi>${entries.length > 1 ? e.model : "Value [95 % interval] n"}</bdi></th>`)}
        </tr>
      </thead>
      <tbody>
        ${names.map(
          (name) => html`<tr>
            <th scope="row"><code>${name}</code></th>
            ${entries.map((e) => html`<${MetricCell} metric=${e.test.metrics[name]} />`)}
          </tr>`,
        )}
      </tbody>
    </table>
  <//>` as VNode;
}

function Findings({ entries }: { entries: Entry[] }): VNode | null {
  const all = entries.flatMap((e) => e.test.findings.map((f) => ({ ...f, model: e.model })));
  if (all.length === 0) return null;
  return html`<ul class="findings">
    ${all.map(
      (f) => html`<li class=${`severity-${f.severity === "error" || f.severity === "warning" ? f.severity : "info"}`}>
        <span class="label"><bdi>${f.severity}</bdi></span>
        <span class="said">${entries.length > 1 && html`<span class="meta"><${Said} text=${f.model} />: </span>`}<${Said} text=${f.text} /></span>
      </li>`,
    )}
  </ul>` as VNode;
}

function TestArticle({ payload, id, entries }: { payload: Payload; id: string; entries: Entry[] }): VNode {
  const several = payload.result.models.length > 1;
  const name = entries[0]?.test.name ?? "";
  const body = () => html`<div class="body">
    <${Metrics} entries=${entries} id=${id} />
    <${Findings} entries=${entries} />
    <${ResultTables} owned=${tablesOf(payload, id)} />
  </div>`;
  const summary = html`<span class="test-head"
    ><h3><span class="id">${id}</span> <${Said} text=${name} /></h3>
    <span class="reasons"
      >${entries.map(
        (e) => html`<span class="reason"
          ><${Verdict} verdict=${e.test.verdict} /><span
            >${several && html`<b><${Said} text=${e.model} /></b> `}<${Said} text=${e.test.reason} />${e.test.seconds
              ? html` <span class="meta">took ${seconds(e.test.seconds)}${e.test.estimate_seconds ? `, estimated ${seconds(e.test.estimate_seconds)}` : ""}</span>`
              : null}</span
          ></span
        >`,
      )}</span
    ></span
  >`;
  return html`<${Lazy} class="test" id=${`test-${id}`} summary=${summary} body=${body} />` as VNode;
}

export function Tests({ payload }: { payload: Payload }): VNode {
  const { models } = payload.result;
  const ids = [...new Set(models.flatMap((m) => m.tests.map((t) => t.id)))];
  ids.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const setAll = (open: boolean) =>
    document.querySelectorAll<HTMLDetailsElement>("details.test").forEach((details) => {
      details.open = open;
    });
  return html`<${Section} id="tests" title="Tests" lead="Open a test for its figures with interval and n, its findings and its charts.">
    ${ids.length === 0
      ? html`<${Absent} what="No test was finished." />`
      : html`<p class="buttons">
          <button type="button" onClick=${() => setAll(true)}>Open all</button>
          <button type="button" onClick=${() => setAll(false)}>Close all</button>
        </p>`}
    ${ids.map((id) => {
      const entries = models.flatMap((m) => m.tests.filter((t) => t.id === id).map((test) => ({ model: m.id, test })));
      return html`<${TestArticle} payload=${payload} id=${id} entries=${entries} />`;
    })}
  <//>` as VNode;
}
