// What was not measured, where the run took place, and how to repeat it.
import { html } from "htm/preact";
import type { VNode } from "preact";
import { figure, unitOf } from "./format";
import { Absent, Lazy, Said, Scroll, Section, Verdict } from "./parts";
import type { Payload, VerdictName } from "./payload";

const NOT_PASSED_NOR_FAILED: VerdictName[] = ["SKIPPED", "INCONCLUSIVE", "INVALID"];

export function NotMeasured({ payload }: { payload: Payload }): VNode {
  const rows = payload.result.models.flatMap((m) =>
    [...m.criteria, ...m.tests]
      .filter((x) => NOT_PASSED_NOR_FAILED.includes(x.verdict))
      .map((x) => ({ model: m.id, id: x.id, name: x.name, verdict: x.verdict, reason: x.reason })),
  );
  return html`<${Section} id="not-measured" title="What was not measured, and why">
    ${payload.result.run.cut_off && html`<p>The run was cut off <${Said} text=${payload.result.run.cut_off} />. Tests that would have come after are not listed.</p>`}
    ${rows.length + payload.notes.length === 0 && html`<${Absent} what=${payload.result.models.length > 0 ? "Everything that the plan asked for was measured." : "Nothing was measured: no model was tested."} />`}
    ${rows.length > 0 &&
    html`<${Scroll} label="Not measured">
      <table>
        <caption class="unseen">Tests and criteria without an answer</caption>
        <thead><tr><th scope="col">What</th><th scope="col">Model</th><th scope="col">Verdict</th><th scope="col">Why</th></tr></thead>
        <tbody>
          ${rows.map(
            (r) => html`<tr>
              <th scope="row"><span class="id">${r.id}</span> <${Said} text=${r.name} /></th>
              <td><${Said} text=${r.model} /></td>
              <td><${Verdict} verdict=${r.verdict} /></td>
              <td><${Said} text=${r.reason} /></td>
            </tr>`,
          )}
        </tbody>
      </table>
    <//>`}
    ${payload.notes.length > 0 && html`<ul>${payload.notes.map((note) => html`<li><${Said} text=${note} /></li>`)}</ul>`}
  <//>` as VNode;
}

const DEPTH_MAX = 6;

function Value({ name, value, depth }: { name: string; value: unknown; depth: number }): VNode {
  if (value === null) return html`<span class="none">not known</span>` as VNode;
  if (typeof value === "number") return html`<span class="fig">${figure(value, unitOf(name) === "bytes" ? "bytes" : "")}</span>` as VNode;
  if (typeof value !== "object") return html`<${Said} text=${String(value)} />` as VNode;
  if (depth >= DEPTH_MAX) return html`<code>${JSON.stringify(value)}</code>` as VNode;
  if (Array.isArray(value)) {
    if (value.length === 0) return html`<span class="none">none</span>` as VNode;
    if (value.every((v) => typeof v !== "object"))
      return html`<span class="words">${value.map((v) => html`<code><bdi>${String(v)}</bdi></code> `)}</span>` as VNode;
    return html`<ul class="values">${value.map((v) => html`<li><${Value} name=${name} value=${v} depth=${depth + 1} /></li>`)}</ul>` as VNode;
  }
  return html`<${Facts} facts=${value as Record<string, unknown>} depth=${depth + 1} />` as VNode;
}

function Facts({ facts, depth = 0 }: { facts: Record<string, unknown>; depth?: number }): VNode {
  return html`<dl class="facts">
    ${Object.entries(facts).map(
      ([name, value]) => html`<div><dt><${Said} text=${name.replace(/_/g, " ")} /></dt><dd><${Value} name=${name} value=${value} depth=${depth} /></dd></div>`,
    )}
  </dl>` as VNode;
}

export function Environment({ payload }: { payload: Payload }): VNode {
  const { environment, target, models } = payload.result;
  return html`<${Section} id="environment" title="Environment and target">
    <h3>Target</h3>
    ${Object.keys(target).length > 0 ? html`<${Facts} facts=${target} />` : html`<${Absent} what="Nothing is recorded of the target." />`}
    <h3>Models</h3>
    <dl class="facts">${models.map((m) => html`<div><dt><${Said} text=${m.id} /></dt><dd><code><bdi>${m.path}</bdi></code></dd></div>`)}</dl>
    <h3>Machine</h3>
    ${Object.keys(environment).length > 0 ? html`<${Facts} facts=${environment} />` : html`<${Absent} what="Nothing is recorded of the machine." />`}
  <//>` as VNode;
}

export function Reproduce({ payload }: { payload: Payload }): VNode {
  const { run } = payload.result;
  const command = `moestress run plan.toml --seed ${payload.seed} --scale ${run.scale ?? 1}`;
  return html`<${Section}
    id="reproduce"
    title="How to reproduce"
    lead="The same plan and seed give the same requests; tests that go on for a time send as many as fit. Timing is the machine's; compare on an idle one."
  >
    <pre tabindex="0" aria-label="Command">${command}</pre>
    <p class="meta">moestress <${Said} text=${payload.moestress || "of unknown version"} />, seed ${payload.seed}, suite <${Said} text=${run.suite} />; plan.toml lies beside this report.</p>
    ${payload.plan
      ? html`<${Lazy} class="data" summary="The plan as it was resolved" body=${() => html`<pre class="plan" tabindex="0" aria-label="plan.toml">${payload.plan}</pre>`} />`
      : html`<${Absent} what="plan.toml was not in the run's directory when this report was made." />`}
  <//>` as VNode;
}
