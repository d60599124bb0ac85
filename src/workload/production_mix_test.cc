#include "workload/production_mix.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace moestress::workload {
namespace {

using record::Endpoint;

ProductionMix mix() {
  ProductionMix mix;
  mix.ways = {{Endpoint::Chat, true, 2}, {Endpoint::Chat, false, 1}, {Endpoint::Completion, true, 1}};
  mix.reply_tokens_max = 100;
  mix.prompt_characters_max = 200;
  return mix;
}

std::vector<record::Request> draw(std::size_t count, std::uint64_t seed) {
  RequestIds ids;
  return production_requests(count, ids, base::SessionId{0}, mix(), seed);
}

std::string text_of(const record::Request& request) {
  return request.messages.empty() ? request.prompt : request.messages.front().content;
}

TEST(ProductionMix, SizesAreSkewedAndWithinBounds) {
  const auto requests = draw(2000, 1);
  std::vector<int> tokens;
  std::vector<std::size_t> characters;
  for (const auto& request : requests) {
    tokens.push_back(request.max_tokens);
    characters.push_back(text_of(request).size());
  }
  std::sort(tokens.begin(), tokens.end());
  std::sort(characters.begin(), characters.end());
  EXPECT_EQ(tokens.front(), 4);
  EXPECT_EQ(tokens.back(), 100);
  EXPECT_NEAR(tokens[1000], 25, 2);
  EXPECT_LE(characters.back(), 200U);
  EXPECT_GT(characters.back(), 2 * characters.front());
}

TEST(ProductionMix, WaysComeByTheirWeights) {
  const auto requests = draw(4000, 2);
  const auto share = [&](Endpoint endpoint, bool stream) {
    const auto n = std::count_if(requests.begin(), requests.end(), [&](const auto& request) {
      return request.endpoint == endpoint && request.stream == stream;
    });
    return static_cast<double>(n) / 4000;
  };
  EXPECT_NEAR(share(Endpoint::Chat, true), 0.5, 0.03);
  EXPECT_NEAR(share(Endpoint::Chat, false), 0.25, 0.03);
  EXPECT_NEAR(share(Endpoint::Completion, true), 0.25, 0.03);
}

TEST(ProductionMix, TheSeedDecidesAndMoreMovesNothing) {
  const auto few = draw(20, 3), many = draw(40, 3), other = draw(20, 4);
  std::size_t same = 0;
  for (std::size_t i = 0; i < few.size(); ++i) {
    EXPECT_EQ(text_of(few[i]), text_of(many[i]));
    EXPECT_EQ(few[i].max_tokens, many[i].max_tokens);
    EXPECT_EQ(few[i].label, many[i].label);
    same += text_of(few[i]) == text_of(other[i]) ? 1 : 0;
  }
  EXPECT_LT(same, few.size());
  std::set<std::string> labels;
  for (const auto& request : many) labels.insert(request.label);
  EXPECT_GT(labels.size(), 5U);
}

}  // namespace
}  // namespace moestress::workload
