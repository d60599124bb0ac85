// Bundles the report's page: node build.mjs OUT_DIR writes report.js, report.css and report_assets.cc, which
// defines what src/report/report_assets.h declares. Deterministic: the same sources give the same bytes.
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const BUNDLE_BYTES_MAX = 200_000;
const LITERAL_BYTES = 8_000; // compilers bound a string literal; adjacent ones are joined

const out = process.argv[2];
if (!out) throw new Error("usage: node build.mjs OUT_DIR");
const here = dirname(fileURLToPath(import.meta.url));
mkdirSync(out, { recursive: true });

async function bundle(entry) {
  const result = await build({
    entryPoints: [join(here, "src", entry)],
    absWorkingDir: here,
    bundle: true,
    minify: true,
    write: false,
    outdir: resolve(out),
    format: "iife",
    target: ["es2020"],
    charset: "ascii",
    legalComments: "none",
    define: { "process.env.NODE_ENV": '"production"' },
  });
  const text = result.outputFiles[0].text;
  // The bundle stands inside <script> or <style>: none of these may appear in it.
  for (const ending of ["</script", "</style", "<!--"])
    if (text.toLowerCase().includes(ending)) throw new Error(`${entry}: the bundle holds ${ending}`);
  if (text.length > BUNDLE_BYTES_MAX) throw new Error(`${entry}: ${text.length} bytes, over ${BUNDLE_BYTES_MAX}`);
  return text;
}

function literal(text) {
  const pieces = [];
  for (let at = 0; at < text.length; at += LITERAL_BYTES)
    pieces.push(`    R"~asset~(${text.slice(at, at + LITERAL_BYTES)})~asset~"`);
  return pieces.join("\n");
}

const sha256 = (text) => createHash("sha256").update(text).digest("base64");

const js = await bundle("report.ts");
const css = await bundle("report.css");
writeFileSync(join(out, "report.js"), js);
writeFileSync(join(out, "report.css"), css);
writeFileSync(
  join(out, "report_assets.cc"),
  `// Written by web/build.mjs.
#include "report/report_assets.h"

namespace moestress::report {

std::string_view report_script() {
  static constexpr char kText[] =
${literal(js)};
  return {kText, sizeof(kText) - 1};
}
std::string_view report_style() {
  static constexpr char kText[] =
${literal(css)};
  return {kText, sizeof(kText) - 1};
}
std::string_view report_script_sha256() { return "${sha256(js)}"; }
std::string_view report_style_sha256() { return "${sha256(css)}"; }

}  // namespace moestress::report
`,
);
