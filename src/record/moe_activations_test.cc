#include "record/moe_activations.h"

#include <gtest/gtest.h>

namespace moestress::record {
namespace {

/// Two layers, two of four experts, three wide; values tell text, layer, token and place.
MoeActivations text_of(std::size_t tokens, float text) {
  MoeActivations activations{{{1, 4}, 4, 2, tokens, {}, {}}, 3, {}, {}};
  for (std::size_t i = 0; i < tokens * 4; ++i) {
    activations.routing.ids.push_back(static_cast<std::uint16_t>(i % 4));
    activations.routing.weights.push_back(text + static_cast<float>(i) / 100);
  }
  for (std::size_t i = 0; i < activations.size(); ++i) {
    activations.inputs.push_back(1000 * text + static_cast<float>(i));
    activations.outputs.push_back(-1000 * text - static_cast<float>(i));
  }
  return activations;
}

TEST(MoeActivations, JoinedInputsComeApartAgain) {
  const std::vector<MoeActivations> texts{text_of(2, 1), text_of(3, 2)};
  MoeActivations joined = join_inputs(texts);
  EXPECT_EQ(joined.tokens(), 5U);
  ASSERT_EQ(joined.inputs.size(), joined.size());
  joined.routing.ids.assign(5 * 4, 0);
  joined.routing.weights.assign(5 * 4, 0);
  EXPECT_EQ(slice(joined, 0, 2).inputs, texts[0].inputs);
  EXPECT_EQ(slice(joined, 2, 3).inputs, texts[1].inputs);
}

TEST(MoeActivations, ASliceHasItsTokensRowsOfEachLayer) {
  const MoeActivations text = text_of(3, 1), last = slice(text, 2, 1);
  EXPECT_EQ(last.tokens(), 1U);
  EXPECT_EQ(last.routing.ids, (std::vector<std::uint16_t>{0, 1, 2, 3}));
  EXPECT_EQ(last.routing.weights,
            (std::vector<float>(text.routing.weights.begin() + 8, text.routing.weights.end())));
  for (std::size_t layer = 0; layer < 2; ++layer)
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(last.output(0, layer)[i], text.output(2, layer)[i]);
  EXPECT_EQ(last.outputs.size(), last.size());
}

}  // namespace
}  // namespace moestress::record
