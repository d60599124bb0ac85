#include "plan/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"
#include "plan/plan.h"
#include "record/metric_catalogue.h"

namespace moestress::plan {
namespace {

constexpr const char* kForm = "an expectation reads like \"2.2/ttft_ms p(95) < 500\"";
constexpr std::pair<std::string_view, Comparison> kComparisons[] = {
    {"<=", Comparison::LessEqual}, {">=", Comparison::GreaterEqual}, {"==", Comparison::Equal},
    {"!=", Comparison::NotEqual},  {"<", Comparison::Less},          {">", Comparison::Greater},
};
constexpr std::pair<std::string_view, Statistic> kStatistics[] = {
    {"avg", Statistic::Mean},   {"min", Statistic::Min},   {"max", Statistic::Max},
    {"med", Statistic::Median}, {"rate", Statistic::Rate},
};

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

/// " did you mean …?" or what there is.
std::string nearest_of(std::string_view name, const std::vector<std::string>& known,
                       std::string_view else_say) {
  const std::string nearest = base::nearest_name(name, known);
  return nearest.empty() ? fmt::format("; {}", else_say) : fmt::format(", did you mean \"{}\"?", nearest);
}

std::vector<std::string> known_metrics() {
  std::vector<std::string> names;
  for (const auto& quantity : record::quantities()) names.emplace_back(quantity.name);
  for (const auto& entry : record::metric_catalogue()) {
    std::string name(entry.name);
    // What a pattern looks like with a number in it is nearer to a misspelt one than the pattern is.
    if (const auto at = name.find("{N}"); at != std::string::npos) name.replace(at, 3, "3");
    names.push_back(std::move(name));
  }
  return names;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  tl::expected<Expectation, ExpectationError> parse() {
    skip_spaces();
    if (!read_metric() || !read_statistic() || !read_comparison() || !read_limit())
      return tl::unexpected<ExpectationError>(*error_);
    return std::move(out_);
  }

 private:
  bool wrong(std::size_t at, std::string text) {
    error_ = ExpectationError{at + 1, std::move(text)};
    return false;
  }
  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  std::string_view word() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  /// What stands at a place, for people.
  std::string found(std::size_t at) const {
    return at >= text_.size() ? "it ends here"
                              : fmt::format("\"{}\" stands here", base::printable(text_.substr(at), 30));
  }

  bool read_metric() {
    metric_at_ = at_;
    std::string_view name = word();
    if (name.empty()) return wrong(at_, fmt::format("a metric is wanted, but {}; {}", found(at_), kForm));
    if (take('/')) {
      out_.test = name;
      if (!check_test(metric_at_)) return false;
      metric_at_ = at_;
      name = word();
      if (name.empty())
        return wrong(at_, fmt::format("a metric is wanted after \"{}/\", but {}", out_.test, found(at_)));
    }
    out_.metric = name;
    if (record::find_quantity(name) == nullptr && record::tests_that_give(name).empty())
      return wrong(metric_at_, fmt::format("unknown metric \"{}\"{}", base::printable(name, 60),
                                           nearest_of(name, known_metrics(),
                                                      "`moestress run --list-metrics` lists them")));
    return true;
  }

  bool check_test(std::size_t at) {
    std::vector<std::string> ids;
    for (const std::string_view test : known_tests()) ids.emplace_back(test);
    if (std::find(ids.begin(), ids.end(), out_.test) != ids.end()) return true;
    return wrong(at, fmt::format("unknown test \"{}\"{}", base::printable(out_.test, 60),
                                 nearest_of(out_.test, ids, fmt::format("known: {}", fmt::join(ids, ", ")))));
  }

  bool read_statistic() {
    skip_spaces();
    const std::size_t at = at_;
    const std::string_view name = word();
    if (name.empty()) return figure_allowed(at);
    if (name == "p") {
      if (!read_quantile()) return false;
    } else {
      const auto* const known = std::find_if(std::begin(kStatistics), std::end(kStatistics),
                                             [&](const auto& one) { return one.first == name; });
      if (known == std::end(kStatistics))
        return wrong(at, fmt::format("unknown statistic \"{}\"; known: p(N), avg, min, max, med, rate",
                                     base::printable(name, 30)));
      out_.statistic = known->second;
    }
    return statistic_allowed(at);
  }

  bool read_quantile() {
    if (!take('('))
      return wrong(at_, fmt::format("\"p\" wants its percentile in brackets, p(95), but {}", found(at_)));
    const std::size_t at = at_;
    const auto percent = number();
    if (!percent || !(*percent > 0 && *percent < 100))
      return wrong(at, fmt::format("a percentile lies between 0 and 100, but {}", found(at)));
    if (!take(')')) return wrong(at_, fmt::format("the bracket of p( is not closed: {}", found(at_)));
    out_.statistic = Statistic::Quantile;
    out_.quantile = *percent / 100;
    return true;
  }

  bool statistic_allowed(std::size_t at) {
    const record::Quantity* quantity = record::find_quantity(out_.metric);
    if (quantity == nullptr)
      return wrong(at, fmt::format("{} is one figure of a test and has no statistic; write \"{} < …\"",
                                   out_.metric, out_.metric));
    if (quantity->share != (out_.statistic == Statistic::Rate))
      return wrong(at, quantity->share
                           ? fmt::format("{} has a rate and no other statistic", out_.metric)
                           : fmt::format("{} has no rate; take p(N), avg, min, max or med", out_.metric));
    return true;
  }

  bool figure_allowed(std::size_t at) {
    const auto tests = record::tests_that_give(out_.metric);
    if (tests.empty())
      return wrong(at,
                   fmt::format("{} has a value for each request: say which, e.g. \"{} p(95)\" or \"{} avg\"",
                               out_.metric, out_.metric, out_.metric));
    const auto gives = [&](std::string_view test) { return test.empty() || test == out_.test; };
    if (out_.test.empty() || std::any_of(tests.begin(), tests.end(), gives)) return true;
    return wrong(metric_at_, fmt::format("test {} gives no {}: {} does; write \"{}/{}\"", out_.test,
                                         out_.metric, fmt::join(tests, ", "), tests.front(), out_.metric));
  }

  bool read_comparison() {
    skip_spaces();
    for (const auto& [sign, comparison] : kComparisons) {
      if (text_.substr(at_).substr(0, sign.size()) != sign) continue;
      at_ += sign.size();
      out_.comparison = comparison;
      return true;
    }
    return wrong(at_, fmt::format("one of < <= > >= == != is wanted, but {}", found(at_)));
  }

  bool read_limit() {
    skip_spaces();
    const std::size_t at = at_;
    const auto limit = number();
    if (!limit) return wrong(at, fmt::format("a number is wanted, but {}", found(at)));
    out_.limit = *limit;
    skip_spaces();
    if (at_ < text_.size())
      return wrong(at_,
                   fmt::format("the expectation should end after its number, but {}; units are those of the "
                               "metric",
                               found(at_)));
    return true;
  }

  /// A finite decimal number, without a sign but '-'.
  std::optional<double> number() {
    const std::size_t begin = at_;
    take('-');
    while (at_ < text_.size() && (is_word(text_[at_]) || ((text_[at_] == '-' || text_[at_] == '+') &&
                                                          (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E'))))
      ++at_;
    const std::string digits(text_.substr(begin, at_ - begin));
    if (digits.find_first_not_of("0123456789.eE+-") != std::string::npos) return std::nullopt;
    char* end = nullptr;
    const double value = std::strtod(digits.c_str(), &end);
    if (digits.empty() || *end != '\0' || !std::isfinite(value)) return std::nullopt;
    return value;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t metric_at_ = 0;
  Expectation out_;
  std::optional<ExpectationError> error_;
};

}  // namespace

bool Expectation::holds(double value) const {
  switch (comparison) {
    case Comparison::Less:
      return value < limit;
    case Comparison::LessEqual:
      return value <= limit;
    case Comparison::Greater:
      return value > limit;
    case Comparison::GreaterEqual:
      return value >= limit;
    case Comparison::Equal:
      return value == limit;
    case Comparison::NotEqual:
      return value != limit;
  }
  return false;
}

tl::expected<Expectation, ExpectationError> parse_expectation(std::string_view text) {
  return Parser(text).parse();
}

}  // namespace moestress::plan
