#include "report/verdict_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <vector>

#include "report/plain_text.h"

namespace moestress::report {
namespace {

constexpr int kWidthMin = 60;
constexpr int kVerdictColumn = 16;  // "? INCONCLUSIVE" and a gap
constexpr int kNameColumnMax = 44;
constexpr int kThresholdColumn = 20;
constexpr int kTestsLabel = 7;
constexpr int kModelColumnMin = 19;  // "✗ 12.4 tok/s" and room for a name
constexpr int kModelColumnMax = 30;

const char* sgr(record::Verdict verdict) {
  switch (verdict) {
    case record::Verdict::Pass:
      return "32";
    case record::Verdict::Fail:
      return "1;31";
    case record::Verdict::Inconclusive:
      return "33";
    case record::Verdict::Invalid:
      return "1;35";
    case record::Verdict::Skipped:
      return "2";
  }
  return "0";
}

/// Builds the lines. Text is measured and cut before it is coloured: escape sequences have no width.
class TableText {
 public:
  TableText(const ReportInput& input, bool color, int width)
      : input_(input), color_(color), width_(std::max(width, kWidthMin)) {}

  std::string text() {
    head();
    if (input_.models.size() == 1) {
      one_model(input_.models.front());
    } else if (input_.models.size() > 1) {
      matrix();
      reasons();
    }
    foot();
    return std::move(out_);
  }

 private:
  std::string paint(const char* code, const std::string& text) const {
    return color_ ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
  }
  std::string paint(record::Verdict verdict, const std::string& text) const {
    return paint(sgr(verdict), text);
  }
  std::string word(record::Verdict verdict) const {
    return fmt::format("{} {}", verdict_symbol(verdict), input_.name_of(verdict));
  }
  void line(const std::string& text) { out_ += text + "\n"; }

  /// `text` broken into lines that all begin `indent` columns in.
  void paragraph(const std::string& text, int indent, const char* code = nullptr) {
    for (const std::string& part : wrapped(text, width_ - indent))
      line(std::string(static_cast<std::size_t>(indent), ' ') + (code ? paint(code, part) : part));
  }

  void head() {
    const store::RunInfo& run = input_.run;
    line(paint("1", fit(fmt::format("moestress {} · {} · scale {:g} · seed {}", plain_line(run.suite),
                                    plain_line(run.id), run.scale, run.seed),
                        width_)));
    if (!input_.cut_off.empty()) paragraph("CUT OFF " + plain_line(input_.cut_off), 0, "1;33");
    if (!input_.gaps.empty()) paragraph(gap_sentence(input_.gaps), 0, "33");
    line("");
  }

  static std::string topology(const record::ModelResult& model) {
    return fmt::format("{} · {} layers · {} experts, {} used{} · experts on: {}",
                       plain_line(model.architecture), model.layers, model.experts, model.experts_used,
                       model.experts_shared > 0 ? fmt::format(", {} shared", model.experts_shared) : "",
                       plain_line(model.placement));
  }

  static std::string title(const record::CriterionResult& criterion) {
    return plain_line(criterion.id) + " " + plain_line(criterion.name);
  }

  void one_model(const record::ModelResult& model) {
    line(paint("1", fit(plain_line(model.id), width_)));
    line(fit(topology(model), width_));
    line("");
    const int measured = 16;
    const int threshold = std::clamp(width_ / 4, 14, 26);
    const int name = std::min(width_ - 2 - kVerdictColumn - measured - threshold, kNameColumnMax);
    line("  " + paint("2", padded("criterion", name) + padded("verdict", kVerdictColumn) +
                               padded("measured", measured) + "threshold"));
    for (const record::CriterionResult& c : model.criteria) {
      line("  " + padded(fit(title(c), name - 1), name) +
           paint(c.verdict, padded(word(c.verdict), kVerdictColumn)) +
           padded(fit(plain_line(human_figure(c.measured, c.unit)), measured - 1), measured) +
           fit(plain_line(c.threshold), threshold));
      if (c.verdict != record::Verdict::Pass) paragraph(plain_line(c.reason, 2000), 5);
    }
    if (model.criteria.empty()) line("  no criterion was decided");
    line("");
    checks(model);
    tests(model, 2);
    failed_tests(model);
  }

  /// One line for each check; its figures below where it did not pass.
  void checks(const record::ModelResult& model) {
    if (model.checks.empty()) return;
    const int measured = 16;
    const int name = std::min(width_ - 2 - kVerdictColumn - measured, kNameColumnMax);
    for (const record::CheckResult& c : model.checks) {
      line("  " + padded(fit(plain_line(c.expression), name - 1), name) +
           paint(c.verdict, padded(word(c.verdict), kVerdictColumn)) +
           fit(plain_line(human_figure(c.measured, c.unit)), measured));
      if (c.verdict != record::Verdict::Pass) paragraph(plain_line(c.reason, 2000), 5);
    }
    line("");
  }

  /// The ids of the tests by verdict, the worst first.
  void tests(const record::ModelResult& model, int indent) {
    using enum record::Verdict;
    if (model.tests.empty()) return line(padded("", indent) + "tests  none finished");
    bool first = true;
    for (const record::Verdict verdict : {Fail, Invalid, Inconclusive, Pass, Skipped}) {
      std::string ids;
      for (const record::TestResult& test : model.tests)
        if (test.verdict == verdict) ids += (ids.empty() ? "" : " ") + plain_line(test.id);
      if (ids.empty()) continue;
      std::string shown = word(verdict);
      for (const std::string& part : wrapped(ids, width_ - indent - kTestsLabel - kVerdictColumn)) {
        line(padded("", indent) + padded(first ? "tests" : "", kTestsLabel) +
             paint(verdict, padded(shown, kVerdictColumn)) + part);
        first = false;
        shown.clear();
      }
    }
  }

  void failed_tests(const record::ModelResult& model) {
    for (const record::TestResult& t : model.tests) {
      if (t.verdict == record::Verdict::Pass || t.verdict == record::Verdict::Skipped) continue;
      reason_line(plain_line(t.id) + " " + plain_line(t.name), t.verdict, t.reason);
    }
  }

  void reason_line(const std::string& what, record::Verdict verdict, const std::string& reason) {
    line("  " + paint(verdict, fit(fmt::format("{} {}", verdict_symbol(verdict), what), width_ - 2)));
    paragraph(plain_line(reason, 2000), 5);
  }

  /// The criteria of all models in the order of their first appearance.
  std::vector<const record::CriterionResult*> all_criteria() const {
    std::vector<const record::CriterionResult*> out;
    std::set<std::string> seen;
    for (const record::ModelResult& model : input_.models)
      for (const record::CriterionResult& criterion : model.criteria)
        if (seen.insert(criterion.id).second) out.push_back(&criterion);
    return out;
  }

  static std::string cell(const record::ModelResult& model, const std::string& id, record::Verdict& verdict) {
    for (const record::CriterionResult& c : model.criteria) {
      if (c.id != id) continue;
      verdict = c.verdict;
      return fmt::format("{} {}", verdict_symbol(c.verdict),
                         c.measured ? plain_line(human_figure(c.measured, c.unit)) : to_string(c.verdict));
    }
    verdict = record::Verdict::Skipped;
    return "–";
  }

  /// Criteria × models; as many models side by side as the width holds, the others in a further block.
  void matrix() {
    const int name = width_ >= 100 ? 34 : 24;
    // The thresholds only where they cost no second block; what did not pass names its own below.
    const auto wanted = static_cast<int>(input_.models.size()) * kModelColumnMin;
    const int threshold = width_ - 2 - name - kThresholdColumn >= wanted ? kThresholdColumn : 0;
    const int room = width_ - 2 - name - threshold;
    const auto per_block = static_cast<std::size_t>(std::max(1, room / kModelColumnMin));
    const auto criteria = all_criteria();
    for (std::size_t from = 0; from < input_.models.size(); from += per_block) {
      const std::size_t to = std::min(from + per_block, input_.models.size());
      const int column = std::min(room / static_cast<int>(to - from), kModelColumnMax);
      matrix_row(padded("criterion", name) + padded(threshold ? "threshold" : "", threshold), from, to,
                 column, [](const record::ModelResult& m, record::Verdict&) { return plain_line(m.id); });
      for (const record::CriterionResult* c : criteria)
        matrix_row(padded(fit(title(*c), name - 1), name) +
                       (threshold ? padded(fit(plain_line(c->threshold), threshold - 1), threshold) : ""),
                   from, to, column, [&](const record::ModelResult& m, record::Verdict& verdict) {
                     return cell(m, c->id, verdict);
                   });
      matrix_row(padded("verdict", name) + padded("", threshold), from, to, column,
                 [this](const record::ModelResult& m, record::Verdict& verdict) {
                   verdict = record::verdict_of(m);
                   return word(verdict);
                 });
      line("");
    }
  }

  template <class Cell>
  void matrix_row(const std::string& head, std::size_t from, std::size_t to, int column, Cell cell_of) {
    std::string row = "  " + head;
    for (std::size_t i = from; i < to; ++i) {
      auto verdict = record::Verdict::Skipped;
      const auto shown = cell_of(input_.models[i], verdict);
      const std::string text = i + 1 == to ? fit(shown, column - 1) : padded(fit(shown, column - 1), column);
      row += verdict == record::Verdict::Skipped ? text : paint(verdict, text);
    }
    line(row);
  }

  void reasons() {
    for (const record::ModelResult& model : input_.models) {
      line(paint("1", fit(plain_line(model.id), width_)));
      tests(model, 2);
      for (const record::CriterionResult& c : model.criteria)
        if (c.verdict != record::Verdict::Pass)
          reason_line(fmt::format("{} ({})", title(c), plain_line(c.threshold)), c.verdict, c.reason);
      failed_tests(model);
      checks(model);
      line("");
    }
  }

  void foot() {
    if (out_.size() < 2 || out_.substr(out_.size() - 2) != "\n\n") line("");
    if (input_.models.empty()) line("  no model was tested");
    const record::Verdict verdict = overall_verdict(input_);
    line("verdict  " + paint(verdict, word(verdict)));
    const auto took = seconds_of(input_.run);
    if (input_.run.estimate_seconds && took)
      line(fmt::format("time     {}, estimated {}", human_figure(*took, "s"),
                       human_figure(*input_.run.estimate_seconds, "s")));
    line("report   " + plain_line(input_.report_path, 4096));
  }

  const ReportInput& input_;
  const bool color_;
  const int width_;
  std::string out_;
};

}  // namespace

std::string verdict_table(const ReportInput& input, bool color, int width) {
  return TableText(input, color, width).text();
}

}  // namespace moestress::report
