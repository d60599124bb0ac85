// What the tests of the page and of the schema share: sample runs in a temporary folder, the npm packages of web/,
// and a list of checks that is run to its end.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const requireFromWeb = createRequire(join(root, "web", "package.json"));

export function fail(message) {
  console.error(message);
  process.exit(1);
}

/** A package of web/node_modules. */
export function pinned(name) {
  try {
    return requireFromWeb(name);
  } catch (error) {
    return fail(`${name} is not installed (${error.code}): run scripts/fetch-web.sh`);
  }
}

/** The file of a package, e.g. to put it into a page. */
export function pinnedPath(name) {
  return requireFromWeb.resolve(name);
}

/** Makes the sample runs of these kinds and gives the directory of each; they go when the process ends. */
export function sampleRuns(kinds) {
  const program = process.argv[2];
  if (!program || !existsSync(program)) fail(`usage: node ${process.argv[1]} SAMPLE_RUN: build the target sample_run`);
  const folder = mkdtempSync(join(tmpdir(), "moestress-report-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return Object.fromEntries(
    kinds.map((kind) => {
      execFileSync(program, [kind, join(folder, kind)], { stdio: "inherit" });
      return [kind, join(folder, kind)];
    }),
  );
}

let failures = 0;
let checks = 0;
export function check(condition, what) {
  checks += 1;
  if (condition) return;
  failures += 1;
  console.error(`FAILED: ${what}`);
}
export function equal(actual, expected, what) {
  check(
    JSON.stringify(actual) === JSON.stringify(expected),
    `${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`,
  );
}
export function finish() {
  console.log(`${checks} checks, ${failures} failed`);
  process.exitCode = failures > 0 ? 1 : 0;
}
