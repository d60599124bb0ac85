#include "record/metric_catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace moestress::record {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(MetricCatalogue, PatternsStandForNumbersAndSets) {
  EXPECT_THAT(tests_that_give("aggregate_tok_s_s3"), ElementsAre("2.2"));
  EXPECT_THAT(tests_that_give("aggregate_tok_s_s12"), ElementsAre("2.2"));
  EXPECT_THAT(tests_that_give("routing_p_code_creative"), ElementsAre("3.1", "3.2"));
  EXPECT_THAT(tests_that_give("e2e_ms_p90_chat_stream"), ElementsAre("4.2"));
  EXPECT_THAT(tests_that_give("private_bytes_peak_s3_c512"), ElementsAre("5.1"));
  EXPECT_THAT(tests_that_give("resident_bytes"), ElementsAre("1.3", "1.4"));
  EXPECT_THAT(tests_that_give("ttft_ms_p50"), ElementsAre(""));
  for (const char* wrong : {"aggregate_tok_s_s", "aggregate_tok_s_sx", "aggregate_tok_s_s3x",
                            "routing_p_code", "routing_p_code_", "ttft_ms", "", "ttft_ms_p50 "})
    EXPECT_THAT(tests_that_give(wrong), IsEmpty()) << wrong;
}

TEST(MetricCatalogue, EachTestGivesANameOnceAndSaysWhatItMeans) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const MetricEntry& entry : metric_catalogue()) {
    EXPECT_TRUE(seen.emplace(entry.test, entry.name).second) << entry.test << " " << entry.name;
    EXPECT_FALSE(entry.meaning.empty()) << entry.name;
    if (!entry.test.empty()) {
      EXPECT_FALSE(seen.contains({"", entry.name})) << entry.name << " is everybody's already";
    }
  }
}

TEST(Quantities, AreFoundByName) {
  ASSERT_NE(find_quantity("itl_ms"), nullptr);
  EXPECT_FALSE(find_quantity("itl_ms")->share);
  EXPECT_TRUE(find_quantity("requests_failed")->share);
  EXPECT_EQ(find_quantity("itl_ms_p50"), nullptr);
}

}  // namespace
}  // namespace moestress::record
