#include "report/summary_markdown.h"

#include <fmt/format.h>

#include "base/text.h"
#include "report/plain_text.h"
#include "report/verdict_sentence.h"

namespace moestress::report {
namespace {

std::string verdict_text(const ReportInput& input, record::Verdict verdict) {
  return fmt::format("{} {}", verdict_symbol(verdict), input.name_of(verdict));
}

std::string time_taken(const store::RunInfo& run) {
  const auto seconds = seconds_of(run);
  return seconds ? "took " + base::human_seconds(*seconds) : "has no end yet";
}

void add_head(std::string& out, const ReportInput& input) {
  out += fmt::format("# {} · moestress run {}\n\n", verdict_text(input, overall_verdict(input)),
                     markdown_text(input.run.id));
  if (!input.cut_off.empty()) out += fmt::format("> **Cut off** {}\n\n", markdown_text(input.cut_off));
  if (!input.gaps.empty()) out += fmt::format("> {}\n\n", markdown_text(gap_sentence(input.gaps)));
  out += fmt::format("Suite {}, scale {:g}, seed {}. Started {}, {}.\n\n", markdown_text(input.run.suite),
                     input.run.scale, input.run.seed, markdown_text(input.run.started),
                     input.run.ended.empty() ? "no end" : "ended " + markdown_text(input.run.ended));
  if (input.run.estimate_seconds)
    out += fmt::format("It was estimated to take {}, and {}.\n\n",
                       base::human_seconds(*input.run.estimate_seconds), time_taken(input.run));
  if (input.scaled())
    out += "Every size was scaled down: a PASS says that nothing was found at that size, no more.\n\n";
}

void add_criteria(std::string& out, const ReportInput& input, const record::ModelResult& model) {
  if (model.criteria.empty()) {
    out += "No criterion was decided.\n\n";
    return;
  }
  out += "| criterion | verdict | measured | threshold | evidence | reason |\n|---|---|---|---|---|---|\n";
  for (const record::CriterionResult& c : model.criteria)
    out += fmt::format("| {} {} | {} | {} | {} | {} | {} |\n", markdown_text(c.id), markdown_text(c.name),
                       verdict_text(input, c.verdict), markdown_text(human_figure(c.measured, c.unit)),
                       markdown_text(c.threshold), markdown_text(c.evidence), markdown_text(c.reason));
  out += "\n";
}

void add_tests(std::string& out, const ReportInput& input, const record::ModelResult& model) {
  if (model.tests.empty()) {
    out += "No test was finished.\n\n";
    return;
  }
  out += "| test | verdict | took | estimated | reason |\n|---|---|---|---|---|\n";
  for (const record::TestResult& t : model.tests)
    out += fmt::format("| {} {} | {} | {} | {} | {} |\n", markdown_text(t.id), markdown_text(t.name),
                       verdict_text(input, t.verdict), human_figure(t.seconds, "s"),
                       human_figure(t.estimate_seconds, "s"), markdown_text(t.reason));
  out += "\n";
  for (const record::TestResult& t : model.tests)
    for (const record::Finding& f : t.findings)
      if (f.severity != "info")
        out += fmt::format("- {} {}: {}\n", markdown_text(t.id), markdown_text(f.severity),
                           markdown_text(f.text));
  if (out.back() == '\n' && out[out.size() - 2] != '\n') out += "\n";
}

void add_checks(std::string& out, const ReportInput& input, const record::ModelResult& model) {
  if (model.checks.empty()) return;
  out += "| check | verdict | measured | n | test | reason |\n|---|---|---|---|---|---|\n";
  for (const record::CheckResult& c : model.checks)
    out += fmt::format("| {} | {} | {} | {} | {} | {} |\n", markdown_text(c.expression),
                       verdict_text(input, c.verdict), markdown_text(human_figure(c.measured, c.unit)), c.n,
                       c.test.empty() ? "all" : markdown_text(c.test), markdown_text(c.reason));
  out += "\n";
}

void add_model(std::string& out, const ReportInput& input, const record::ModelResult& model) {
  out +=
      fmt::format("## {} · {}\n\n", markdown_text(model.id), verdict_text(input, record::verdict_of(model)));
  out += fmt::format("{}, {} layers, {} experts, {} used", markdown_text(model.architecture), model.layers,
                     model.experts, model.experts_used);
  if (model.experts_shared > 0) out += fmt::format(", {} shared", model.experts_shared);
  out += fmt::format("; experts on: {}.\n\n{}\n\n", markdown_text(model.placement),
                     markdown_text(verdict_sentence(model)));
  add_criteria(out, input, model);
  add_checks(out, input, model);
  add_tests(out, input, model);
  if (model.recommendations.empty()) return;
  out += "What to change:\n\n";
  for (const record::Recommendation& r : model.recommendations)
    out += fmt::format("- **{}**: {}. Expected: {}. Evidence: {}\n", markdown_text(r.setting),
                       markdown_text(r.change), markdown_text(r.expected), markdown_text(r.evidence));
  out += "\n";
}

}  // namespace

std::string markdown_text(std::string_view text) {
  std::string out;
  for (const char c : plain_line(text, 2000)) {
    // Underscores inside words are no markup in GitHub's Markdown, and metric names are full of them.
    if (std::string_view("\\`*[]<>|#~!&$@").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string summary_markdown(const ReportInput& input) {
  std::string out;
  add_head(out, input);
  for (const record::ModelResult& model : input.models) add_model(out, input, model);
  if (input.models.empty()) out += "No model was tested.\n\n";
  if (!input.notes.empty()) {
    out += "## Not in this report\n\n";
    for (const std::string& note : input.notes) out += fmt::format("- {}\n", markdown_text(note));
    out += "\n";
  }
  out += "Figures with their intervals and n are in result.json; charts are in report.html.\n";
  return out;
}

}  // namespace moestress::report
