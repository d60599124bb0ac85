#include "forge/wide_neurons.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace moestress::forge {
namespace {

double silu(double g) { return g / (1 + std::exp(-g)); }
/// What a neuron within gpt-oss' limit gives.
double limited(double g) {
  const double cut = std::min(g, static_cast<double>(kGateLimit));
  return cut / (1 + std::exp(-g > 500 ? 500.0 : -cut));
}

/// What one neuron and those beside it give for the gate g.
double computed(const WideNeurons& wide, std::size_t neuron, double g) {
  const bool negated = std::count(wide.negated.begin(), wide.negated.end(), neuron) > 0;
  double sum = limited(negated ? -g : g);
  for (const ExtraNeuron& extra : wide.extra)
    if (extra.of == neuron) sum += extra.output * limited(extra.gate_factor * g + extra.gate_bias);
  return sum;
}

TEST(WideNeurons, AGateBeyondTheLimitIsExactWhereItsNegativeIsNot) {
  const WideNeurons wide = wide_neurons({{-3, -8}, {5, 50}, {0, 4}});
  EXPECT_EQ(wide.negated, std::vector<std::size_t>{1});
  for (double g = -11; g <= 90; g += 0.5)
    EXPECT_NEAR(computed(wide, 1, g), silu(g), 1e-4 * (1 + std::abs(g))) << g;
  for (double g = -20; g < 11; g += 0.5) EXPECT_NEAR(computed(wide, 0, g), silu(g), 1e-9) << g;
}

TEST(WideNeurons, AGateBeyondTheLimitBothWaysIsRightWhereItLies) {
  const WideNeurons wide = wide_neurons({{-30}, {48}, {0.2F}});
  EXPECT_TRUE(wide.negated.empty());
  for (double g = -40; g <= 9; g += 0.5) EXPECT_NEAR(computed(wide, 0, g), silu(g), 0.05) << g;
  EXPECT_NEAR(computed(wide, 0, 48), 48, 0.1);
}

TEST(WideNeurons, TheWorstComeFirstAndNoMoreThanThereIsRoom) {
  GateStatistics gates;
  for (int i = 0; i < 100; ++i) {
    gates.least.push_back(-1);
    gates.largest.push_back(20);
    gates.excess.push_back(static_cast<float>(i));
  }
  const WideNeurons wide = wide_neurons(gates);
  EXPECT_EQ(wide.extra.size(), kExtraNeurons);
  EXPECT_EQ(wide.negated.front(), 99U);
  EXPECT_TRUE(wide_neurons({{-1}, {11}, {0}}).extra.empty());
}

}  // namespace
}  // namespace moestress::forge
