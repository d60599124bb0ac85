// result.json of every kind of sample run follows docs/result.schema.json, and the schema refuses what it should.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { check, equal, finish, pinned, root, sampleRuns } from "./samples.mjs";

const Ajv = pinned("ajv/dist/2020").default;
const schema = JSON.parse(readFileSync(join(root, "docs", "result.schema.json"), "utf8"));
const validate = new Ajv({ strict: true, allowUnionTypes: true, allErrors: true }).compile(schema);

const runs = sampleRuns(["three", "one", "cut-off", "hostile", "empty"]);
const results = {};
for (const [kind, directory] of Object.entries(runs)) {
  const text = readFileSync(join(directory, "result.json"), "utf8");
  results[kind] = JSON.parse(text); // throws on NaN and Infinity
  check(validate(results[kind]), `${kind}: ${JSON.stringify(validate.errors, null, 1)}`);
  check(text.includes('"seed": 18446744073709551557'), `${kind}: the seed lost digits`);
}

equal(results.three.run.verdict, "FAIL", "verdict of three");
equal(results.three.models.map((m) => m.id), ["gpt-oss-20b", "phi-3.5-moe", "deepseek-moe-16b"], "models");
equal(results.three.models[1].checks.map((c) => c.verdict), ["FAIL", "PASS", "INCONCLUSIVE"], "checks");
equal(results.three.run.scaled, true, "scaled");
equal(results.three.models[2].criteria[3].measured, null, "C4 that was not measured");
equal(results["cut-off"].run.ended, null, "a run without an end");
check(/^after test 2\.2 \(concurrency\) of phi-3\.5-moe/.test(results["cut-off"].run.cut_off), "cut_off names the last test");
equal(results.empty.run.verdict, "SKIPPED", "nothing measured is no pass");
equal(results.hostile.models[0].tests[0].metrics.itl_ms_p99, { value: null, unit: "ms", n: 3, ci: null }, "infinite figure");
check(results.hostile.models[0].id.startsWith("</script>"), "text is kept as it was");

/** A copy of a good result with one thing wrong must be refused. */
function refuses(what, spoil) {
  const copy = structuredClone(results.three);
  spoil(copy);
  check(!validate(copy), `the schema takes ${what}`);
}
refuses("another version", (r) => (r.version = 2));
refuses("an unknown property", (r) => (r.models[0].color = "red"));
refuses("an unknown verdict", (r) => (r.models[0].tests[0].verdict = "pass"));
refuses("a metric without n", (r) => delete r.models[0].tests[2].metrics.decode_tok_s_min.n);
refuses("an interval of three", (r) => (r.models[0].tests[2].metrics.decode_tok_s_min.ci = [1, 2, 3]));
refuses("a figure as text", (r) => (r.models[0].criteria[0].measured = "15.3"));
refuses("a metric name in capitals", (r) => (r.models[0].tests[0].metrics.TTFT = { value: 1, unit: "ms", n: 1, ci: null }));
refuses("a local time", (r) => (r.run.started = "2026-03-01 12:00:00"));
refuses("a negative seed", (r) => (r.run.seed = -1));
refuses("a check without its verdict", (r) => delete r.models[1].checks[0].verdict);
refuses("a missing recommendation field", (r) => delete r.recommendations[0].evidence);
finish();
