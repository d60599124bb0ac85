// What a reader in a hurry needs: is it ready, if not why, and what to change.
import { html } from "htm/preact";
import type { VNode } from "preact";
import { figure, SYMBOL } from "./format";
import { Said, Scroll, Section, Verdict, verdictName } from "./parts";
import type { Check, Criterion, Model, Payload, Recommendation } from "./payload";

function topology(model: Model): string {
  const shared = model.experts_shared > 0 ? `, ${model.experts_shared} shared` : "";
  return `${model.architecture} · ${model.layers} layers · ${model.experts} experts, ${model.experts_used} used${shared} · experts on: ${model.placement}`;
}

function ModelCard({ model, sentence, advice }: { model: Model; sentence: string; advice: Recommendation[] }): VNode {
  return html`<article class=${`card v-${model.verdict.toLowerCase()}`}>
    <h3><${Said} text=${model.id} /> <${Verdict} verdict=${model.verdict} /></h3>
    <p class="meta"><${Said} text=${topology(model)} /></p>
    <p><${Said} text=${sentence} /></p>
    <p class="next"><span class="label">To change</span> ${
      advice.length === 0
        ? "nothing that was measured calls for it"
        : advice.map((r, i) => html`${i > 0 && "; "}<code><bdi>${r.setting}</bdi></code> <${Said} text=${r.change} />`)
    }</p>
  </article>` as VNode;
}

function cell(criterion: Criterion | undefined): VNode {
  if (!criterion) return html`<td class="none">–</td>` as VNode;
  return html`<td>
    <span class=${`verdict plain v-${criterion.verdict.toLowerCase()}`}
      ><span class="mark" aria-hidden="true">${SYMBOL[criterion.verdict]}</span
      ><span class="unseen">${verdictName(criterion.verdict)} </span></span
    >
    <bdi class="fig">${criterion.measured === null ? criterion.verdict.toLowerCase() : figure(criterion.measured, criterion.unit)}</bdi>
  </td>` as VNode;
}

function Comparison({ models }: { models: Model[] }): VNode {
  const ids = [...new Map(models.flatMap((m) => m.criteria.map((c) => [c.id, c] as const))).values()];
  ids.sort((a, b) => a.id.localeCompare(b.id, "en", { numeric: true }));
  return html`<${Scroll} label="Criteria by model">
    <table class="matrix">
      <caption>Criteria by model</caption>
      <thead>
        <tr>
          <th scope="col">Criterion</th>
          <th scope="col">Threshold</th>
          ${models.map((m) => html`<th scope="col"><bdi>${m.id}</bdi></th>`)}
        </tr>
      </thead>
      <tbody>
        ${ids.map(
          (c) => html`<tr>
            <th scope="row"><span class="id">${c.id}</span> <bdi>${c.name}</bdi></th>
            <td><bdi>${c.threshold}</bdi></td>
            ${models.map((m) => cell(m.criteria.find((x) => x.id === c.id)))}
          </tr>`,
        )}
      </tbody>
    </table>
  <//>` as VNode;
}

function Advice({ advice, several }: { advice: Recommendation[]; several: boolean }): VNode {
  if (advice.length === 0) return html`<p class="absent">No recommendation: nothing measured calls for a change.</p>` as VNode;
  return html`<ol class="advice">
    ${advice.map(
      (r) => html`<li>
        <p class="what"><code><bdi>${r.setting}</bdi></code> <${Said} text=${r.change} />${several && html` <span class="meta">for <${Said} text=${r.model} /></span>`}</p>
        <p><span class="label">Expected</span> <${Said} text=${r.expected} /></p>
        <p class="meta"><span class="label">Evidence</span> <${Said} text=${r.evidence} /></p>
      </li>`,
    )}
  </ol>` as VNode;
}

export function Summary({ payload }: { payload: Payload }): VNode {
  const { models, recommendations } = payload.result;
  return html`<${Section} id="summary" title="Executive summary">
    ${models.length === 0 && html`<p class="absent">No model was tested.</p>`}
    <div class="cards">
      ${models.map((model, i) => html`<${ModelCard}
          model=${model}
          sentence=${payload.sentences[i] ?? ""}
          advice=${recommendations.filter((r) => r.model === model.id)}
        />`)}
    </div>
    ${models.length > 1 && html`<${Comparison} models=${models} />`}
    <h3>What to change</h3>
    <${Advice} advice=${recommendations} several=${models.length > 1} />
  <//>` as VNode;
}

function Checks({ checks, model }: { checks: Check[]; model: string }): VNode | null {
  if (checks.length === 0) return null;
  return html`<${Scroll} label=${`Checks of ${model}`}>
    <table class="criteria">
      <caption>The plan's own checks</caption>
      <thead>
        <tr>
          <th scope="col">Check</th>
          <th scope="col">Verdict</th>
          <th scope="col" class="num">Measured</th>
          <th scope="col" class="num">n</th>
          <th scope="col">Test</th>
          <th scope="col">Reason</th>
        </tr>
      </thead>
      <tbody>
        ${checks.map(
          (c) => html`<tr>
            <th scope="row"><code><bdi>${c.expression}</bdi></code></th>
            <td><${Verdict} verdict=${c.verdict} /></td>
            <td class="num strong"><bdi>${figure(c.measured, c.unit)}</bdi></td>
            <td class="num">${c.n}</td>
            <td><bdi>${c.test ?? "all"}</bdi></td>
            <td><${Said} text=${c.reason} /></td>
          </tr>`,
        )}
      </tbody>
    </table>
  <//>` as VNode;
}

export function Criteria({ payload }: { payload: Payload }): VNode {
  const { models } = payload.result;
  return html`<${Section}
    id="criteria"
    title="Success criteria"
    lead="Each is decided on its own threshold. INCONCLUSIVE means that there was too little to decide on, never a pass."
  >
    ${models.map(
      (model) => html`<h3><${Said} text=${model.id} /> <${Verdict} verdict=${model.verdict} /></h3>
        ${model.criteria.length === 0
          ? html`<p class="absent">No criterion was decided.</p>`
          : html`<${Scroll} label=${`Criteria of ${model.id}`}>
              <table class="criteria">
                <caption class="unseen">Criteria of ${model.id}</caption>
                <thead>
                  <tr>
                    <th scope="col">Criterion</th>
                    <th scope="col">Verdict</th>
                    <th scope="col" class="num">Measured</th>
                    <th scope="col">Threshold</th>
                    <th scope="col">Evidence, interval, n</th>
                    <th scope="col">Reason</th>
                  </tr>
                </thead>
                <tbody>
                  ${model.criteria.map(
                    (c) => html`<tr>
                      <th scope="row"><span class="id">${c.id}</span> <${Said} text=${c.name} /></th>
                      <td><${Verdict} verdict=${c.verdict} /></td>
                      <td class="num strong"><bdi>${figure(c.measured, c.unit)}</bdi></td>
                      <td><${Said} text=${c.threshold} /></td>
                      <td><${Said} text=${c.evidence} /></td>
                      <td><${Said} text=${c.reason} /></td>
                    </tr>`,
                  )}
                </tbody>
              </table>
            <//>`}
          <${Checks} checks=${model.checks} model=${model.id} />`,
    )}
  <//>` as VNode;
}
