// Models beside one another: every test's verdict, and one chart for each main figure.
import { html } from "htm/preact";
import type { VNode } from "preact";
import { figure, interval, SYMBOL } from "./format";
import { Absent, Said, Scroll, Section } from "./parts";
import type { Metric, Model, Payload } from "./payload";

interface MainFigure {
  title: string;
  /** the first of these that any model has is drawn */
  of: [test: string, metric: string][];
  better: "higher" | "lower" | "";
}

const MAIN: MainFigure[] = [
  { title: "Decode speed of one session", of: [["2.1", "decode_tok_s_mean"], ["5.2", "decode_tok_s_mean"]], better: "higher" },
  { title: "Speed of three sessions together", of: [["2.2", "aggregate_tok_s_s3"]], better: "higher" },
  { title: "Time to first token, median", of: [["5.2", "ttft_ms_p50"], ["2.1", "ttft_ms_p50"]], better: "lower" },
  { title: "Gap between chunks, median", of: [["5.2", "itl_ms_p50"], ["2.1", "itl_ms_p50"]], better: "lower" },
  { title: "Highest rate that holds the latency objective", of: [["S3", "rate_max_per_s"]], better: "higher" },
  { title: "Private memory, peak", of: [["5.1", "private_bytes_peak"]], better: "lower" },
  { title: "Device memory, peak", of: [["5.1", "gpu_bytes_peak_engine"], ["5.1", "gpu_bytes_peak_process"]], better: "lower" },
  { title: "KV cache for a token of context", of: [["5.1", "kv_bytes_per_token"], ["5.1", "kv_bytes_per_token_predicted"]], better: "lower" },
  { title: "Effective experts of all", of: [["3.1", "expert_effective_share"]], better: "" },
  { title: "Next tokens as GPU-only chooses them", of: [["6.1", "top1_agreement"]], better: "higher" },
  { title: "Tasks solved", of: [["6.2", "task_accuracy"]], better: "higher" },
];

function metricOf(model: Model, test: string, name: string): Metric | undefined {
  return model.tests.find((t) => t.id === test)?.metrics[name];
}

/** A bar a model, all of one scale that begins at 0, with the 95 % interval as a line over it. */
function MainChart({ models, main }: { models: Model[]; main: MainFigure }): VNode | null {
  const source = main.of.find(([test, name]) => models.some((m) => metricOf(m, test, name)));
  if (!source) return null;
  const metrics = models.map((m) => metricOf(m, ...source));
  const largest = Math.max(...metrics.map((m) => Math.max(m?.value ?? 0, m?.ci?.[1] ?? 0)));
  const place = (value: number) => `${((100 * Math.max(0, value)) / (largest || 1)).toFixed(1)}%`;
  const better = main.better ? `, ${main.better} is better` : "";
  return html`<figure class="compare">
    <figcaption><span class="title">${main.title}</span> <span class="meta">test ${source[0]}, <code>${source[1]}</code>${better}</span></figcaption>
    <table class="bars">
      <caption class="unseen">${main.title}</caption>
      <tbody>
        ${models.map((model, i) => {
          const metric = metrics[i];
          const ci = interval(metric?.ci ?? null, metric?.unit ?? "");
          return html`<tr>
            <th scope="row"><${Said} text=${model.id} /></th>
            <td class="drawn">
              <span class="bar" aria-hidden="true"
                >${metric && html`<span style=${{ width: place(metric.value ?? 0) }}></span>`}${metric?.ci &&
                html`<i style=${{ left: place(metric.ci[0]), right: `calc(100% - ${place(metric.ci[1])})` }}></i>`}</span
              >
            </td>
            <td class="num">
              ${metric
                ? html`${figure(metric.value, metric.unit)} <span class="meta">${ci && `[${ci}] `}n ${metric.n}</span>`
                : html`<span class="none">not measured</span>`}
            </td>
          </tr>`;
        })}
      </tbody>
    </table>
  </figure>` as VNode;
}

function TestMatrix({ models }: { models: Model[] }): VNode {
  const tests = [...new Map(models.flatMap((m) => m.tests.map((t) => [t.id, t] as const))).values()];
  tests.sort((a, b) => a.id.localeCompare(b.id, "en", { numeric: true }));
  return html`<${Scroll} label="Tests by model">
    <table class="matrix">
      <caption>Tests by model</caption>
      <thead>
        <tr>
          <th scope="col">Test</th>
          ${models.map((m) => html`<th scope="col"><bdi>${m.id}</bdi></th>`)}
        </tr>
      </thead>
      <tbody>
        ${tests.map(
          (test) => html`<tr>
            <th scope="row"><span class="id">${test.id}</span> <${Said} text=${test.name} /></th>
            ${models.map((m) => {
              const verdict = m.tests.find((t) => t.id === test.id)?.verdict;
              return verdict
                ? html`<td><span class=${`verdict plain v-${verdict.toLowerCase()}`}><span class="mark" aria-hidden="true">${SYMBOL[verdict]}</span>${verdict}</span></td>`
                : html`<td class="none">–</td>`;
            })}
          </tr>`,
        )}
      </tbody>
    </table>
  <//>` as VNode;
}

export function Compared({ payload }: { payload: Payload }): VNode {
  const { models } = payload.result;
  return html`<${Section} id="compared" title="Models compared" lead="Bars begin at 0; the thin line is the 95 % interval. The criteria by model stand in the summary.">
    ${models.length < 2
      ? html`<${Absent} what="One model was tested: nothing to compare with." />`
      : html`<div class="grid compared">${MAIN.map((main) => html`<${MainChart} models=${models} main=${main} />`)}</div>
          <${TestMatrix} models=${models} />`}
  <//>` as VNode;
}
