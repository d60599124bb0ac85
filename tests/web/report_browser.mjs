// report.html in a real browser, opened from disk: no error, no request, every section there, usable by keyboard,
// nothing serious for axe in either theme, and hostile text stays text. SCREENSHOTS=DIR keeps a picture of each.
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { check, equal, fail, finish, pinned, pinnedPath, sampleRuns } from "./samples.mjs";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const REPORT_BYTES_MAX = 3_000_000;
const SECTIONS = ["summary", "criteria", "compared", "memory", "latency", "speed", "routing", "tests", "not-measured", "environment", "reproduce"];

if (!existsSync(CHROMIUM)) fail(`${CHROMIUM} is missing: run scripts/install-packages.sh test, or set CHROMIUM`);
const { chromium } = pinned("playwright-core");
const axe = readFileSync(pinnedPath("axe-core/axe.min.js"), "utf8");
const runs = sampleRuns(["three", "one", "cut-off", "hostile", "empty"]);

const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-sync"],
});

/** Opens a run's report; `use` may look at it. What any page must fulfil is checked here. */
async function open(kind, { theme = "light", width = 1360, javaScriptEnabled = true } = {}, use = async () => {}) {
  const name = `${kind}, ${theme}, ${width} px`;
  const url = pathToFileURL(join(runs[kind], "report.html")).href;
  const context = await browser.newContext({ colorScheme: theme, viewport: { width, height: 900 }, javaScriptEnabled });
  const page = await context.newPage();
  page.on("console", (m) => check(!["error", "warning"].includes(m.type()), `${name}: console says: ${m.text()}`));
  page.on("pageerror", (e) => check(false, `${name}: uncaught ${e.message}`));
  page.on("request", (r) => check(r.url() === url || r.url().startsWith("data:"), `${name}: asks for ${r.url()}`));
  page.on("dialog", (d) => (check(false, `${name}: a dialog: ${d.message()}`), d.dismiss()));
  await page.goto(url);
  if (javaScriptEnabled) await page.waitForSelector("#reproduce");
  await use(page, name);
  await context.close();
}

async function noSeriousViolation(page, name) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  for (const v of violations) {
    const where = v.nodes.slice(0, 3).map((n) => `${n.target} ${n.failureSummary}`);
    check(!["serious", "critical"].includes(v.impact), `${name}: axe: ${v.id}, ${v.help}: ${where.join("\n  ")}`);
  }
}

/** Every test, and the data of the first curve and the first map: all of them would be 50,000 cells for axe. */
async function openDetails(page) {
  await page.getByRole("button", { name: "Open all" }).click();
  for (const kind of [".chart", ".heatmap"]) {
    const data = page.locator(`${kind} details.data > summary`);
    if ((await data.count()) > 0) await data.first().click();
  }
  await page.waitForFunction(() => [...document.querySelectorAll("details")].every((d) => !d.open || d.children.length > 1));
}

async function noSidewaysScroll(page, name) {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  check(content <= window, `${name}: the page is ${content} px wide`);
}

for (const theme of ["light", "dark"]) {
  await open("three", { theme }, async (page, name) => {
    if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, `three-${theme}.png`), fullPage: true });
    equal(await page.locator("main > section").evaluateAll((all) => all.map((s) => s.id)), SECTIONS, `${name}: sections`);
    equal(await page.locator("html").getAttribute("data-theme"), theme, `${name}: theme of the system`);
    await noSeriousViolation(page, name);
    await noSidewaysScroll(page, name);
  });
  await open("one", { theme }, async (page, name) => {
    await openDetails(page);
    await noSeriousViolation(page, name);
  });
}

await open("three", {}, async (page, name) => {
  check(statSync(join(runs.three, "report.html")).size < REPORT_BYTES_MAX, "report.html is too large");
  equal(await page.title(), "FAIL · moestress 2026-03-01T12-00-00-three", "title");
  const row = (table, text) => page.locator(`${table} tr`, { hasText: text }).first();
  const c2 = page.locator("#criteria table").nth(1).locator("tr", { hasText: "C2" });
  for (const text of ["✗FAIL", "5.31 GB", "< 5 GB", "7,204 samples", "peaks at 5.31 GB during test 2.3"])
    check((await c2.textContent()).includes(text), `${name}: C2 of phi-3.5-moe says ${text}`);
  equal(await page.locator("#compared .matrix tbody tr").count(), await page.locator("#tests details.test").count(), `${name}: each test in the comparison`);
  check((await page.locator("#compared .compare").count()) >= 3, `${name}: charts of the main figures`);
  check((await row("#compared .compare", "gpt-oss-20b").textContent()).includes("tok/s"), `${name}: a model's figure in a chart`);
  check((await row("#summary .matrix", "C4").textContent()).includes("skipped"), `${name}: C4 skipped in the matrix`);
  // Test 1.2 has 45 requests: enough for a median, not for p90 or p99.
  const latency = await row("#latency table", "1.2").locator("td").allTextContents();
  check(latency[1] === "45" && latency[2] !== "–" && latency[3] === "–" && latency[4] === "–", `${name}: percentiles by n: ${latency}`);
  check((await page.locator("#reproduce pre").first().textContent()).includes("--seed 18446744073709551557"), `${name}: whole seed`);
  equal(await page.locator("#routing .maps canvas").count(), 12, `${name}: a map for each model and prompt set`);
  const painted = await page.locator("#routing canvas").first().evaluate((c) => {
    const pixels = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
    return new Set(Array.from({ length: pixels.length / 4 }, (_, i) => pixels.slice(4 * i, 4 * i + 3).join())).size;
  });
  check(painted > 20, `${name}: the first map has ${painted} colours`);
  const difference = page.locator("#routing .pair").first();
  await difference.getByLabel("less").selectOption({ label: "math" });
  equal(await difference.locator("figcaption .title").textContent(), "code − math", `${name}: the chosen pair`);
});

await open("three", {}, async (page, name) => {
  const focused = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.textContent || "");
  await page.keyboard.press("Tab");
  equal(await focused(), "Skip to the results", `${name}: first stop of the keyboard`);
  await page.waitForFunction(() => document.querySelector(".skip").getBoundingClientRect().top >= 0);
  await page.keyboard.press("Enter");
  equal(await focused(), "main", `${name}: the skip link's target`);

  const theme = page.getByRole("button", { name: "Dark theme" });
  await theme.focus();
  await page.keyboard.press("Enter");
  equal(await page.locator("html").getAttribute("data-theme"), "dark", `${name}: theme by keyboard`);

  const test = page.locator("#test-2\\.2");
  await test.locator("> summary").focus();
  await page.keyboard.press("Enter");
  await test.locator(".metrics").waitFor(); // throws where the test did not open

  const chart = page.locator("#memory .chart").first();
  await chart.locator(".plot").focus();
  for (const key of ["Home", "ArrowRight", "PageDown"]) await page.keyboard.press(key);
  await page.waitForFunction((e) => e.textContent.startsWith("at 0:"), await chart.locator(".at").elementHandle());
  const curve = chart.locator(".legend button").first();
  await curve.focus();
  await page.keyboard.press("Space");
  equal(await curve.getAttribute("aria-pressed"), "false", `${name}: a curve is switched off by keyboard`);
  check(/Private memory.*gpt-oss-20b private: \d+ points, .* GB/.test(await chart.locator(".plot").getAttribute("aria-label")), `${name}: the chart in words`);

  const map = page.locator("#routing .heatmap").first();
  await map.locator("canvas").focus();
  for (const key of ["ArrowDown", "ArrowRight"]) await page.keyboard.press(key);
  const readout = await map.locator(".readout").textContent();
  check(/^layer 1, expert 1: .* × uniform$/.test(readout), `${name}: a cell of the map by keyboard: ${readout}`);
});

await open("hostile", {}, async (page, name) => {
  await openDetails(page);
  equal(await page.title(), "FAIL · moestress 2026-03-01T12-00-00-hostile", `${name}: title`);
  equal(await page.locator("img, svg, iframe, textarea, b, i").count(), await page.locator(".reason b").count(), `${name}: elements that text made`);
  equal(await page.locator("script").count(), 2, `${name}: scripts`);
  const text = await page.locator("body").innerText();
  for (const literal of ["</script><script>document.title='owned'</script>", "<img src=x onerror=", "\\x1b[31mred", "\\u202e reversed", "invalid\\x00after NUL"])
    check(text.includes(literal), `${name}: shows ${literal} as text`);
  check(!/[\u202a-\u202e\u0000\u001b]/.test(text), `${name}: control characters are spelled out`);
  await noSidewaysScroll(page, name);
  await noSeriousViolation(page, name);
});

await open("cut-off", { width: 390 }, async (page, name) => {
  check((await page.locator("header .cut-off").innerText()).startsWith("Cut off after test 2.2 (concurrency) of phi-3.5-moe"), `${name}: says so at the top`);
  await openDetails(page);
  await noSidewaysScroll(page, name);
  await noSeriousViolation(page, name);
  if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, "cut-off-narrow.png"), fullPage: true });
});

await open("one", { theme: "dark", width: 800 }, async (page, name) => {
  equal(await page.locator("#summary .matrix").count(), 0, `${name}: no matrix for one model`);
  await page.emulateMedia({ media: "print" });
  check(!(await page.locator("nav").isVisible()), `${name}: no navigation on paper`);
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  equal(await page.locator("html").getAttribute("data-theme"), "light", `${name}: paper is light`);
  await page.evaluate(() => dispatchEvent(new Event("afterprint")));
  equal(await page.locator("html").getAttribute("data-theme"), "dark", `${name}: the screen is as it was`);
});

await open("empty", {}, async (page, name) => {
  equal(await page.locator("main > section").count(), SECTIONS.length, `${name}: sections`);
  check((await page.locator("#not-measured").innerText()).includes("no model was tested"), `${name}: says what is missing`);
  await noSeriousViolation(page, name);
  // The check itself: text that can't be read must be found.
  const found = await page.evaluate(async () => {
    const faint = document.createElement("p");
    faint.textContent = "faint";
    faint.style.color = "#e8e8e8";
    document.querySelector("main").append(faint);
    return (await globalThis.axe.run(faint)).violations.map((v) => v.id);
  });
  check(found.includes("color-contrast"), `axe finds faint text: ${found}`);
});

await open("three", { javaScriptEnabled: false }, async (page, name) => {
  check((await page.locator("body").innerText()).includes("Verdict: FAIL"), `${name}: the verdict without JavaScript`);
});

await browser.close();
finish();
