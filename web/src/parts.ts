// Small parts that every section uses.
import { html } from "htm/preact";
import type { ComponentChildren, VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { SYMBOL } from "./format";
import type { VerdictName } from "./payload";

let scaled = false;

/** Of a run below full size every PASS is marked. Said once, before anything is drawn. */
export function markScaled(run: { scaled: boolean }): void {
  scaled = run.scaled;
}

export function verdictName(verdict: VerdictName): string {
  return scaled && verdict === "PASS" ? "PASS (scaled)" : verdict;
}

export function Verdict({ verdict, large = false }: { verdict: VerdictName; large?: boolean }): VNode {
  return html`<span class=${`verdict v-${verdict.toLowerCase()}${large ? " large" : ""}`}
    ><span class="mark" aria-hidden="true">${SYMBOL[verdict]}</span>${verdictName(verdict)}</span
  >` as VNode;
}

/** Text from a server, a model or a file: isolated, so that it can't turn the writing direction around it. */
export function Said({ text }: { text: string }): VNode {
  return html`<bdi>${text}</bdi>` as VNode;
}

export function Section(props: { id: string; title: string; lead?: string; children?: ComponentChildren }): VNode {
  return html`<section id=${props.id} aria-labelledby=${`${props.id}-title`}>
    <h2 id=${`${props.id}-title`} tabindex="-1">${props.title}</h2>
    ${props.lead && html`<p class="lead">${props.lead}</p>`} ${props.children}
  </section>` as VNode;
}

export function Absent({ what }: { what: string }): VNode {
  return html`<p class="absent">${what}</p>` as VNode;
}

/** A table that scrolls sideways within itself; focusable, so that a keyboard can scroll it too. */
export function Scroll({ label, children }: { label: string; children: ComponentChildren }): VNode {
  return html`<div class="scroll" role="group" tabindex="0" aria-label=${label}>${children}</div>` as VNode;
}

/** A <details> whose body is made when it is first opened: charts and long tables cost nothing until then. */
export function Lazy(props: {
  summary: ComponentChildren;
  body: () => ComponentChildren;
  class?: string;
  open?: boolean;
  id?: string;
}): VNode {
  const [opened, setOpened] = useState(props.open ?? false);
  const element = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const details = element.current;
    if (!details) return;
    const open = () => details.open && setOpened(true);
    details.addEventListener("toggle", open);
    return () => details.removeEventListener("toggle", open);
  }, []);
  return html`<details ref=${element} class=${props.class ?? ""} id=${props.id} open=${props.open ?? false}>
    <summary>${props.summary}</summary>
    ${opened && props.body()}
  </details>` as VNode;
}
