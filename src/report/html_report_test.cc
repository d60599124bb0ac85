#include "report/html_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/text.h"
#include "report/report_assets.h"
#include "report/report_testing.h"

namespace moestress::report {
namespace {

using testing::HasSubstr;

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++n;
  return n;
}

ReportInput hostile_input() {
  ReportInput input = small_input();
  input.run.id = "</title><script>alert(1)</script>";
  input.plan_toml = "# </script><!--<script>";
  input.models[0].id = "<!--<script>";
  input.models[0].tests[0].reason = std::string("a\0b\xE2\x80\xAE\xFF\x1b[0m", 11);
  input.models[0].tests[0].tables.push_back(
      {"</script>", {"<"}, {{NAN}, {std::numeric_limits<double>::infinity()}, {}}, {">"}, "<table>"});
  input.notes = {"</script >"};
  return input;
}

TEST(HtmlReport, TextCanNotEndTheElementItStandsIn) {
  const std::string payload = report_payload(hostile_input());
  EXPECT_EQ(payload.find_first_of("<>"), std::string::npos);
  const std::string html = html_report(hostile_input());
  // The page's own: one with the data, one with the program.
  EXPECT_EQ(count(html, "<script"), 2u);
  EXPECT_EQ(count(html, "</script"), 2u);
  EXPECT_EQ(count(html, "<!--"), 0u);
  EXPECT_TRUE(base::is_valid_utf8(html));
}

TEST(HtmlReport, ThePayloadIsJsonThatShowsControlCharacters) {
  const auto payload = nlohmann::json::parse(report_payload(hostile_input()));
  EXPECT_EQ(payload["result"]["models"][0]["id"], "<!--<script>");
  EXPECT_EQ(payload["result"]["models"][0]["tests"][0]["reason"], "a\\x00b\\u202e\xEF\xBF\xBD\\x1b[0m");
  const auto& table = payload["tables"][0][0][0];
  EXPECT_EQ(table["rows"].dump(), "[[null],[null],[]]");
  EXPECT_EQ(payload["seed"], "18446744073709551557");
}

TEST(HtmlReport, RunsItsOwnScriptOnlyAndAsksForNothing) {
  const std::string html = html_report(small_input());
  EXPECT_THAT(html,
              HasSubstr("default-src 'none'; script-src 'sha256-" + std::string(report_script_sha256()) +
                        "'; style-src 'sha256-" + std::string(report_style_sha256()) + "'"));
  EXPECT_THAT(html, HasSubstr("<title>FAIL · moestress 20260301-120000-standard</title>"));
  EXPECT_EQ(html.find(" src="), std::string::npos);
  EXPECT_LT(report_script().size(), 200'000u);
}

TEST(HtmlReport, LongRunsStayBoundedAndKeepTheirPeaks) {
  ReportInput input = small_input();
  record::Table curve{"curve", {"seconds", "tok/s", "ms"}, {}, {}, "line"};
  for (int i = 0; i < 100'000; ++i) curve.rows.push_back({i / 3.0, 10, i == 77'777 ? NAN : 5});
  curve.rows[54'321] = {54'321 / 3.0, 0.25, 5};
  curve.rows[65'432] = {65'432 / 3.0, 10, 900};
  record::Table table = curve;
  table.kind = "table";
  input.models[0].tests[0].tables = {curve, table};
  input.models[0].tests[0].findings.assign(5000, {"info", "the same again"});
  const auto payload = nlohmann::json::parse(report_payload(input));

  const auto& drawn = payload["tables"][0][0][0];
  EXPECT_LE(drawn["rows"].size(), kSeriesPoints);
  EXPECT_EQ(drawn["rows_left_out"], 100'000 - drawn["rows"].size());
  std::vector<double> x;
  double slowest = 10, longest = 0;
  for (const auto& row : drawn["rows"]) {
    x.push_back(row[0]);
    slowest = std::min(slowest, row[1].get<double>());
    longest = std::max(longest, row[2].get<double>());
  }
  EXPECT_TRUE(std::is_sorted(x.begin(), x.end()));
  EXPECT_EQ(slowest, 0.25);
  EXPECT_EQ(longest, 900);

  const auto& listed = payload["tables"][0][0][1];
  EXPECT_EQ(listed["rows"].size(), kTableCellsMax / 3);
  EXPECT_EQ(listed["rows_left_out"], 100'000 - kTableCellsMax / 3);
  EXPECT_EQ(listed["rows"][1][0], 0.333333);
  const auto& findings = payload["result"]["models"][0]["tests"][0]["findings"];
  EXPECT_EQ(findings.size(), kFindingsMax + 1);
  EXPECT_EQ(findings.back()["text"], "4900 more findings are in result.json");
}

}  // namespace
}  // namespace moestress::report
