#include "protocol/long_form_trends.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "base/random.h"

namespace moestress::protocol {
namespace {

using record::Verdict;
using ::testing::HasSubstr;

/// Windows of ten minutes whose speed falls from 20 tok/s by this share an hour.
std::vector<load::WindowSpeed> windows(double fall_per_h, int seconds = 600) {
  base::Random random(1);
  std::vector<load::WindowSpeed> made;
  for (int second = 0; second < seconds; ++second)
    made.push_back({std::chrono::seconds(60 + second),
                    20 * (1 - fall_per_h * second / 3600) * (1 + 0.005 * random.normal())});
  return made;
}

TEST(LongFormTrends, SpeedThatFallsOverTheTestFails) {
  ResultBuilder result;
  judge_speed_trend(windows(1.2), 5, result);
  const auto judged = result.take();
  EXPECT_EQ(judged.verdict, Verdict::Fail);
  EXPECT_THAT(judged.reason, HasSubstr("decode speed falls by 1"));  // of 18 % in nine minutes
}

TEST(LongFormTrends, LevelSpeedPasses) {
  ResultBuilder result;
  judge_speed_trend(windows(0), 5, result);
  result.judge(Verdict::Pass, "well");
  const auto judged = result.take();
  EXPECT_EQ(judged.reason, "well");
  EXPECT_TRUE(judged.metrics.contains("decode_tok_s_trend_percent"));
}

TEST(LongFormTrends, AFewWindowsAreNoTrend) {
  ResultBuilder result;
  judge_speed_trend(windows(1.2, 250), 5, result);
  result.judge(Verdict::Pass, "well");
  EXPECT_EQ(result.take().reason, "well; not decided: the trend of the speed");
}

TEST(LongFormTrends, MemoryThatGrowsWhileGeneratingFails) {
  for (const double bytes_per_s : {0.0, 200e3}) {
    std::vector<record::ProcessSample> samples(3000);
    for (std::size_t i = 0; i < samples.size(); ++i) {
      samples[i].at = std::chrono::milliseconds(100 * i);
      samples[i].rss_anon_bytes =
          static_cast<std::int64_t>(400e6 + bytes_per_s * static_cast<double>(i) / 10);
    }
    ResultBuilder result;
    judge_memory_trend(samples, plan::Thresholds{}, result);
    result.judge(Verdict::Pass, "well");
    EXPECT_EQ(result.take().verdict, bytes_per_s > 0 ? Verdict::Fail : Verdict::Pass) << bytes_per_s;
  }
}

TEST(LongFormTrends, RepliesThatGetPoorerOverTheTestFail) {
  std::vector<double> seconds, level, falling;
  base::Random random(2);
  for (int i = 0; i < 12; ++i) {
    seconds.push_back(30.0 * i);
    level.push_back(0.85 + 0.01 * random.normal());
    falling.push_back(0.85 - 0.04 * i + 0.01 * random.normal());
  }
  ResultBuilder sound, faulty;
  judge_text_over_run(seconds, level, sound);
  judge_text_over_run(seconds, falling, faulty);
  sound.judge(Verdict::Pass, "well");
  EXPECT_EQ(sound.take().verdict, Verdict::Pass);
  const auto judged = faulty.take();
  EXPECT_EQ(judged.verdict, Verdict::Fail);
  EXPECT_THAT(judged.reason, HasSubstr("over the test"));
}

TEST(LongFormTrends, TooLittleIsNotDecided) {
  ResultBuilder result;
  judge_memory_trend({}, plan::Thresholds{}, result);
  judge_text_over_run({1, 2}, {0.8, 0.7}, result);
  result.judge(Verdict::Pass, "well");
  EXPECT_EQ(result.take().reason,
            "well; not decided: the trend of memory, the trend of the text over the test");
}

TEST(LongFormTrends, TextThatGetsPoorerAlongEachReplyFails) {
  const std::vector<double> sound{0.85, 0.84, 0.86, 0.85, 0.84, 0.86}, poorer{0.85, 0.84, 0.7, 0.6, 0.5, 0.4};
  ResultBuilder well, ill;
  judge_text_along_replies({sound, sound, sound, sound}, well);
  judge_text_along_replies({poorer, poorer, poorer, poorer}, ill);
  well.judge(Verdict::Pass, "well");
  EXPECT_EQ(well.take().reason, "well");
  EXPECT_THAT(ill.take().reason, HasSubstr("along a reply"));
}

}  // namespace
}  // namespace moestress::protocol
