// result.json, summary.md, junit.xml and metrics.prom: whole files as golden ones, and hostile text.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "report/junit.h"
#include "report/openmetrics.h"
#include "report/report_testing.h"
#include "report/result_json.h"
#include "report/summary_markdown.h"
#include "report/verdict_sentence.h"

namespace moestress::report {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Formats, AreAsTheGoldenFiles) {
  const ReportInput input = small_input();
  expect_golden("result.json", result_json_text(input));
  expect_golden("summary.md", summary_markdown(input));
  expect_golden("junit.xml", junit_xml(input));
  expect_golden("metrics.prom", openmetrics_text(input));
}

TEST(ResultJson, FiguresThatAreNotFiniteAreNull) {
  ReportInput input = small_input();
  const double inf = std::numeric_limits<double>::infinity();
  input.run.scale = NAN;
  input.models[0].tests[0].metrics["x_ms"] = {inf, "ms", 2, std::pair{-inf, inf}};
  input.models[0].criteria[0].measured = NAN;
  const std::string text = result_json_text(input);
  const auto json = nlohmann::json::parse(text);
  EXPECT_TRUE(json["run"]["scale"].is_null());
  EXPECT_TRUE(json["models"][0]["tests"][0]["metrics"]["x_ms"]["value"].is_null());
  EXPECT_TRUE(json["models"][0]["tests"][0]["metrics"]["x_ms"]["ci"].is_null());
  EXPECT_TRUE(json["models"][0]["criteria"][0]["measured"].is_null());
}

TEST(ResultJson, KeepsTextButAsValidUtf8) {
  ReportInput input = small_input();
  input.models[0].tests[0].reason = std::string("</script>\x1b[0m \xFF", 15) + std::string("\0", 1);
  const std::string text = result_json_text(input);
  EXPECT_TRUE(base::is_valid_utf8(text));
  const std::string reason = nlohmann::json::parse(text)["models"][0]["tests"][0]["reason"];
  EXPECT_EQ(reason, std::string("</script>\x1b[0m \xEF\xBF\xBD", 17) + std::string("\0", 1));
}

TEST(ResultJson, AnEnvironmentThatIsNoObjectBecomesAnEmptyOne) {
  EXPECT_EQ(json_object(R"({"a":1})").dump(), R"({"a":1})");
  for (const std::string bad : {"", "[1]", "{", "null", "{\"a\":NaN}"})
    EXPECT_EQ(json_object(bad).dump(), "{}") << bad;
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "{\"a\":";
  EXPECT_EQ(json_object(deep).dump(), "{}");
  EXPECT_EQ(json_object("{\"a\":\"" + std::string(5'000'000, 'x') + "\"}").dump(), "{}");
}

TEST(Verdict, ARunThatBrokeOffIsInvalidByItsOwnWord) {
  ReportInput input = small_input();
  EXPECT_EQ(overall_verdict(input), record::Verdict::Fail);
  input.models.clear();
  EXPECT_EQ(overall_verdict(input), record::Verdict::Skipped);
  input.run.verdict = "INVALID";
  EXPECT_EQ(overall_verdict(input), record::Verdict::Invalid);
}

TEST(VerdictSentence, NamesWhatDecidesWithItsNumbers) {
  const ReportInput input = small_input();
  EXPECT_EQ(
      verdict_sentence(input.models[0]),
      "Not ready. Failed: C2 GPU memory (5.31 GB, asked for: < 5 GB); tests 2.2; checks 2.2/ttft_ms p(95) < "
      "500 (612.5 ms).");
  EXPECT_EQ(verdict_sentence(input.models[1]),
            "No answer: the measurement can't be trusted. Invalid: tests 5.2.");
  record::ModelResult good = input.models[0];
  good.criteria.resize(1);
  good.tests.resize(1);
  good.checks.erase(good.checks.begin());
  EXPECT_EQ(verdict_sentence(good), "Nothing failed: 1 criteria, 1 tests and 1 checks passed.");
  good.checks.clear();
  EXPECT_EQ(verdict_sentence(good), "Nothing failed: 1 criteria and 1 tests passed.");
  EXPECT_EQ(verdict_sentence({}), "Nothing was measured that a verdict could rest on.");
}

TEST(SummaryMarkdown, TextBecomesNoMarkup) {
  EXPECT_EQ(markdown_text("<img src=x> | [a](b) `c` *d* #e\nf"),
            "\\<img src=x\\> \\| \\[a\\](b) \\`c\\` \\*d\\* \\#e f");
  EXPECT_EQ(markdown_text("ttft_ms_p50"), "ttft_ms_p50");
}

TEST(SummaryMarkdown, SaysThatARunWasCutOff) {
  ReportInput input = small_input();
  input.cut_off = "after test 2.2 (concurrency) of alpha-20b";
  EXPECT_THAT(summary_markdown(input), HasSubstr("> **Cut off** after test 2.2 (concurrency) of alpha-20b"));
}

TEST(SummaryMarkdown, SaysWhenMoestressDidNotRun) {
  ReportInput input = small_input();
  input.gaps = {{62, 184}, {200, 3800}};
  const std::string sentence =
      "Gone on with after 2 interruptions: nothing was recorded from 62.0 s to 3 min 04 s and "
      "from 3 min 20 s to 1 h 03 min";
  EXPECT_THAT(summary_markdown(input), HasSubstr("> " + sentence));
  EXPECT_EQ(gap_sentence(input.gaps), sentence);
  EXPECT_EQ(nlohmann::json::parse(result_json_text(input))["run"]["gaps"][1]["to_seconds"], 3800);
}

TEST(Junit, TextBecomesNoMarkup) {
  EXPECT_EQ(xml_text("<a b=\"c\">&'\x1b\xEF\xBF\xBF"),
            "&lt;a b=&quot;c&quot;&gt;&amp;&apos;\\x1b\xEF\xBF\xBD");
  ReportInput input = small_input();
  input.models[0].tests[1].findings[0].text = "]]></failure><x/>";
  EXPECT_THAT(junit_xml(input), Not(HasSubstr("<x/>")));
}

TEST(Junit, ARunThatWasCutOffIsAnError) {
  ReportInput input = small_input();
  EXPECT_THAT(junit_xml(input), Not(HasSubstr("completed")));
  input.cut_off = "before any test was finished";
  EXPECT_THAT(
      junit_xml(input),
      HasSubstr("<error type=\"INVALID\" message=\"INVALID: cut off before any test was finished\"/>"));
}

TEST(OpenMetrics, LabelsAreEscapedAndFiguresFinite) {
  ReportInput input = small_input();
  input.models[0].id = "a\"b\\c\nd\x1b\xFF";
  input.models[0].tests[0].metrics["ready_ms"].value = NAN;
  input.models[0].tests[0].metrics["bad name-é"] = {1, "", 1, std::nullopt};
  const std::string text = openmetrics_text(input);
  EXPECT_THAT(text, HasSubstr("model=\"a\\\"b\\\\c\\nd\xEF\xBF\xBD\""));
  EXPECT_THAT(text, Not(HasSubstr("moestress_ready_ms{")));
  EXPECT_THAT(text, HasSubstr("moestress_bad_name___{"));
  EXPECT_TRUE(text.ends_with("# EOF\n"));
}

}  // namespace
}  // namespace moestress::report
