#include "report/junit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "report/plain_text.h"

namespace moestress::report {
namespace {

struct Case {
  std::string name;
  record::Verdict verdict;
  std::string reason;
  std::string details;
  double seconds = 0;
};

std::string figures(const record::TestResult& test) {
  std::string out;
  for (const auto& [name, metric] : test.metrics)
    out += fmt::format("{} = {} (n = {})\n", plain_line(name), human_figure(metric.value, metric.unit),
                       metric.n);
  for (const record::Finding& finding : test.findings)
    out += fmt::format("{}: {}\n", plain_line(finding.severity), plain_line(finding.text));
  return out;
}

std::vector<Case> cases_of(const record::ModelResult& model) {
  std::vector<Case> cases;
  for (const record::TestResult& t : model.tests)
    cases.push_back({t.id + " " + t.name, t.verdict, t.reason, figures(t), t.seconds});
  for (const record::CriterionResult& c : model.criteria)
    cases.push_back({c.id + " " + c.name, c.verdict, c.reason,
                     fmt::format("measured {}, threshold {}\n{}\n", human_figure(c.measured, c.unit),
                                 plain_line(c.threshold), plain_line(c.evidence))});
  for (const record::CheckResult& c : model.checks)
    cases.push_back({"check " + c.expression, c.verdict, c.reason,
                     fmt::format("measured {} (n = {})\n", human_figure(c.measured, c.unit), c.n)});
  return cases;
}

double seconds_of(const Case& c) { return std::isfinite(c.seconds) && c.seconds > 0 ? c.seconds : 0; }

void add_case(std::string& out, const std::string& suite, const Case& c) {
  out += fmt::format("    <testcase classname=\"moestress.{}\" name=\"{}\" time=\"{:.3f}\"", xml_text(suite),
                     xml_text(c.name), seconds_of(c));
  const std::string message = xml_text(fmt::format("{}: {}", to_string(c.verdict), c.reason));
  switch (c.verdict) {
    case record::Verdict::Pass:
      out += "/>\n";
      return;
    case record::Verdict::Fail:
      out += fmt::format(">\n      <failure type=\"FAIL\" message=\"{}\">", message);
      // In the element too: not every reader shows the attribute.
      for (std::size_t at = 0, end; at < c.details.size(); at = end + 1) {
        end = std::min(c.details.find('\n', at), c.details.size());
        out += xml_text(c.details.substr(at, end - at)) + "\n";
      }
      out += "</failure>\n    </testcase>\n";
      return;
    case record::Verdict::Invalid:
      out += fmt::format(">\n      <error type=\"INVALID\" message=\"{}\"/>\n    </testcase>\n", message);
      return;
    case record::Verdict::Inconclusive:
    case record::Verdict::Skipped:
      out += fmt::format(">\n      <skipped message=\"{}\"/>\n    </testcase>\n", message);
      return;
  }
}

void add_suite(std::string& out, const std::string& name, const std::string& started,
               const std::vector<Case>& cases, bool scaled) {
  int failures = 0, errors = 0, skipped = 0;
  double seconds = 0;
  for (const Case& c : cases) {
    failures += c.verdict == record::Verdict::Fail;
    errors += c.verdict == record::Verdict::Invalid;
    skipped += c.verdict == record::Verdict::Skipped || c.verdict == record::Verdict::Inconclusive;
    seconds += seconds_of(c);
  }
  out += fmt::format(
      "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3f}\" "
      "timestamp=\"{}\">\n",
      xml_text(name), cases.size(), failures, errors, skipped, seconds, xml_text(started));
  if (scaled) out += "    <properties><property name=\"scaled\" value=\"true\"/></properties>\n";
  for (const Case& c : cases) add_case(out, name, c);
  out += "  </testsuite>\n";
}

}  // namespace

std::string xml_text(std::string_view text) {
  std::string out;
  for (const char c : plain_line(text, 4000)) switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&apos;";
        break;
      default:
        out += c;
    }
  // U+FFFE and U+FFFF are valid UTF-8 and no XML characters.
  for (const char* noncharacter : {"\xEF\xBF\xBE", "\xEF\xBF\xBF"})
    for (std::size_t at = out.find(noncharacter); at != std::string::npos; at = out.find(noncharacter, at))
      out.replace(at, 3, "\xEF\xBF\xBD");
  return out;
}

std::string junit_xml(const ReportInput& input) {
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  out += fmt::format("<testsuites name=\"moestress {}\">\n", xml_text(input.run.id));
  for (const record::ModelResult& model : input.models)
    add_suite(out, model.id, input.run.started, cases_of(model), input.scaled());
  if (!input.cut_off.empty())
    add_suite(out, "run", input.run.started,
              {{"completed", record::Verdict::Invalid, "cut off " + input.cut_off, ""}}, false);
  out += "</testsuites>\n";
  return out;
}

}  // namespace moestress::report
