// The report's page: reads the data that stand in it and draws them.
import { html } from "htm/preact";
import { render } from "preact";
import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Environment, NotMeasured, Reproduce } from "./about";
import { Compared } from "./comparison";
import { seconds } from "./format";
import { Latencies, Memory, Speed } from "./measurements";
import { markScaled, Said, Verdict } from "./parts";
import { readPayload } from "./payload";
import type { Payload } from "./payload";
import { RoutingSection } from "./routing";
import { Criteria, Summary } from "./summary";
import { Tests } from "./tests";
import { onTheme, startTheme, theme, toggleTheme } from "./theme";

const SECTIONS: [string, string][] = [
  ["summary", "Summary"],
  ["criteria", "Criteria"],
  ["compared", "Models compared"],
  ["memory", "Memory"],
  ["latency", "Latency"],
  ["speed", "Speed and scaling"],
  ["routing", "Expert routing"],
  ["tests", "Tests"],
  ["not-measured", "Not measured"],
  ["environment", "Environment"],
  ["reproduce", "Reproduce"],
];

function ThemeButton(): VNode {
  const [now, setNow] = useState(theme());
  useEffect(() => onTheme(() => setNow(theme())), []);
  return html`<button type="button" class="theme" onClick=${toggleTheme}>${now === "dark" ? "Light" : "Dark"} theme</button>` as VNode;
}

function duration(started: string, ended: string | null): string {
  if (!ended) return "no end";
  const span = (Date.parse(ended) - Date.parse(started)) / 1000;
  return Number.isFinite(span) ? seconds(span) : "";
}

function Head({ payload }: { payload: Payload }): VNode {
  const { run, target, models } = payload.result;
  const facts: [string, string][] = [
    ["Suite", `${run.suite}, scale ${run.scale ?? "unknown"}`],
    ["Seed", payload.seed],
    ["Started", run.started.replace("T", " ").replace("Z", " UTC")],
    ["Duration", duration(run.started, run.ended) + (run.estimate_seconds ? `, estimated ${seconds(run.estimate_seconds)}` : "")],
    ["Models", String(models.length)],
    ["Target", typeof target.dialect === "string" ? target.dialect : "not recorded"],
  ];
  return html`<header class="top">
    <div class="topline"><span class="brand">moestress</span><span class="run"><${Said} text=${run.id} /></span><${ThemeButton} /></div>
    <div class="masthead">
      <h1><span class="unseen">Report: </span><${Verdict} verdict=${run.verdict} large=${true} /></h1>
      <dl class="run-facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd><${Said} text=${value} /></dd></div>`)}</dl>
    </div>
    ${run.cut_off && html`<p class="cut-off" role="note"><strong>Cut off</strong> <${Said} text=${run.cut_off} /></p>`}
    ${payload.gaps && html`<p class="cut-off" role="note"><${Said} text=${payload.gaps} /></p>`}
  </header>` as VNode;
}

/** The section that is being read, for the list of contents. */
function useCurrentSection(): string {
  const [current, setCurrent] = useState("summary");
  useEffect(() => {
    const seen = new Set<string>();
    const observer = new IntersectionObserver(
      (entries) => {
        for (const e of entries) e.isIntersecting ? seen.add(e.target.id) : seen.delete(e.target.id);
        const first = SECTIONS.find(([id]) => seen.has(id));
        if (first) setCurrent(first[0]);
      },
      { rootMargin: "-10% 0px -60% 0px" },
    );
    for (const [id] of SECTIONS) {
      const section = document.getElementById(id);
      if (section) observer.observe(section);
    }
    return () => observer.disconnect();
  }, []);
  return current;
}

function Contents(): VNode {
  const current = useCurrentSection();
  return html`<nav aria-label="Sections" class="contents">
    <ol>
      ${SECTIONS.map(([id, title]) => html`<li><a href=${`#${id}`} aria-current=${id === current ? "true" : undefined}>${title}</a></li>`)}
    </ol>
  </nav>` as VNode;
}

function Report({ payload }: { payload: Payload }): VNode {
  return html`<a class="skip" href="#main">Skip to the results</a>
    <${Head} payload=${payload} />
    <div class="layout">
      <${Contents} />
      <main id="main" tabindex="-1">
        <${Summary} payload=${payload} />
        <${Criteria} payload=${payload} />
        <${Compared} payload=${payload} />
        <${Memory} payload=${payload} />
        <${Latencies} payload=${payload} />
        <${Speed} payload=${payload} />
        <${RoutingSection} payload=${payload} />
        <${Tests} payload=${payload} />
        <${NotMeasured} payload=${payload} />
        <${Environment} payload=${payload} />
        <${Reproduce} payload=${payload} />
      </main>
    </div>` as VNode;
}

startTheme();
const root = document.getElementById("app");
if (root) {
  const payload = readPayload();
  markScaled(payload.result.run);
  render(html`<${Report} payload=${payload} />`, root);
}
