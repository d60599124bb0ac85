#include "report/html_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

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

TEST(HtmlReport, LongRunsStayBounded) {
  ReportInput input = small_input();
  record::Table table{"long", {"x", "y"}, {}, {}, "line"};
  for (int i = 0; i < 100'000; ++i) table.rows.push_back({i / 3.0, i / 7.0});
  input.models[0].tests[0].tables = {table};
  input.models[0].tests[0].findings.assign(5000, {"info", "the same again"});
  const auto payload = nlohmann::json::parse(report_payload(input));
  const auto& shown = payload["tables"][0][0][0];
  EXPECT_EQ(shown["rows"].size(), kTableCellsMax / 2);
  EXPECT_EQ(shown["rows_left_out"], 100'000 - kTableCellsMax / 2);
  EXPECT_EQ(shown["rows"][1][0], 0.333333);
  const auto& findings = payload["result"]["models"][0]["tests"][0]["findings"];
  EXPECT_EQ(findings.size(), kFindingsMax + 1);
  EXPECT_EQ(findings.back()["text"], "4900 more findings are in result.json");
}

}  // namespace
}  // namespace moestress::report
