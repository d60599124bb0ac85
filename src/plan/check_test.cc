#include "plan/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moestress::plan {
namespace {

using ::testing::HasSubstr;

TEST(ParseExpectation, ReadsEveryForm) {
  const auto full = parse_expectation("2.2/ttft_ms p(95) < 500");
  ASSERT_TRUE(full) << full.error().text;
  EXPECT_EQ(full->test, "2.2");
  EXPECT_EQ(full->metric, "ttft_ms");
  EXPECT_EQ(full->statistic, Statistic::Quantile);
  EXPECT_DOUBLE_EQ(full->quantile, 0.95);
  EXPECT_EQ(full->comparison, Comparison::Less);
  EXPECT_EQ(full->limit, 500);

  EXPECT_EQ(parse_expectation("ttft_ms p(99.9)<=5e2")->limit, 500);
  EXPECT_DOUBLE_EQ(parse_expectation("ttft_ms p(99.9)<=5e2")->quantile, 0.999);
  EXPECT_EQ(parse_expectation("  itl_ms   med>1.5 ")->statistic, Statistic::Median);
  EXPECT_EQ(parse_expectation("requests_failed rate < 0.01")->statistic, Statistic::Rate);
  EXPECT_EQ(parse_expectation("requests_failed == 0")->statistic, Statistic::Figure);
  EXPECT_EQ(parse_expectation("decode_tok_s_min >= 10")->metric, "decode_tok_s_min");
  EXPECT_EQ(parse_expectation("aggregate_tok_s_s3 != -1e-3")->limit, -1e-3);
  EXPECT_EQ(parse_expectation("S3/e2e_ms max < 9")->test, "S3");
  EXPECT_EQ(parse_expectation("2.1/ttft_ms_p50 < 9")->test, "2.1") << "every test may give its latencies";
}

void expect_wrong(std::string_view text, std::size_t column, const char* words) {
  const auto parsed = parse_expectation(text);
  ASSERT_FALSE(parsed) << text;
  EXPECT_EQ(parsed.error().column, column) << text << ": " << parsed.error().text;
  EXPECT_THAT(parsed.error().text, HasSubstr(words)) << text;
}

TEST(ParseExpectation, SaysWhereItIsWrongAndWhatToDo) {
  expect_wrong("", 1, "reads like");
  expect_wrong("tfft_ms p(95) < 500", 1, "did you mean \"ttft_ms\"?");
  expect_wrong("2.2/agregate_tok_s_s3 > 1", 5, "did you mean \"aggregate_tok_s_s3\"?");
  expect_wrong("zzzzzzzzzz < 1", 1, "--list-metrics");
  expect_wrong("2.9/ttft_ms avg < 1", 1, "unknown test \"2.9\"");
  expect_wrong("2.2/ < 1", 5, "a metric is wanted after");
  expect_wrong("1.1/decode_tok_s_min > 1", 5, "write \"2.1/decode_tok_s_min\"");
  expect_wrong("ttft_ms < 500", 9, "\"ttft_ms p(95)\"");
  expect_wrong("ttft_ms p95 < 500", 9, "known: p(N)");
  expect_wrong("ttft_ms p < 500", 10, "in brackets");
  expect_wrong("ttft_ms p(100) < 500", 11, "between 0 and 100");
  expect_wrong("ttft_ms p(95 < 500", 13, "not closed");
  expect_wrong("ttft_ms rate < 1", 9, "has no rate");
  expect_wrong("requests_failed avg < 1", 17, "no other statistic");
  expect_wrong("decode_tok_s_min avg > 1", 18, "has no statistic");
  expect_wrong("ttft_ms avg = 500", 13, "one of < <=");
  expect_wrong("ttft_ms avg <", 14, "a number is wanted");
  expect_wrong("ttft_ms avg < inf", 15, "a number is wanted");
  expect_wrong("ttft_ms avg < 1e999", 15, "a number is wanted");
  expect_wrong("ttft_ms avg < 500 ms", 19, "should end after its number");
}

TEST(Expectation, Compares) {
  EXPECT_TRUE(parse_expectation("ttft_ms avg < 5")->holds(4.9));
  EXPECT_FALSE(parse_expectation("ttft_ms avg < 5")->holds(5));
  EXPECT_TRUE(parse_expectation("ttft_ms avg <= 5")->holds(5));
  EXPECT_TRUE(parse_expectation("ttft_ms avg >= 5")->holds(5));
  EXPECT_FALSE(parse_expectation("ttft_ms avg > 5")->holds(5));
  EXPECT_TRUE(parse_expectation("ttft_ms avg == 5")->holds(5));
  EXPECT_TRUE(parse_expectation("ttft_ms avg != 5")->holds(6));
}

}  // namespace
}  // namespace moestress::plan
