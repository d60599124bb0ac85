#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "quality/logits.h"
#include "quality/text_metrics.h"

namespace moestress::quality {
namespace {

/// One position of a vocabulary of 200,000.
void compare_rows_of(benchmark::State& state) {
  base::Random random(1);
  std::vector<float> a(200'000);
  for (float& logit : a) logit = static_cast<float>(3 * random.normal());
  std::vector<float> b = a;
  for (float& logit : b) logit += static_cast<float>(1e-3 * random.normal());
  for (auto _ : state) benchmark::DoNotOptimize(compare_rows(a, b, 7));
}
BENCHMARK(compare_rows_of)->Unit(benchmark::kMillisecond);

std::string text_of(std::size_t characters) {
  base::Random random(2);
  std::string text;
  while (text.size() < characters)
    text += random.below(6) == 0 ? ' ' : static_cast<char>('a' + random.below(26));
  return text;
}

void edit_similarity_of(benchmark::State& state) {
  const std::string a = text_of(kTextLimit);
  const std::string b = text_of(kTextLimit).substr(100) + a;
  for (auto _ : state) benchmark::DoNotOptimize(edit_similarity(a, b));
}
BENCHMARK(edit_similarity_of)->Unit(benchmark::kMillisecond);

void chrf_of(benchmark::State& state) {
  const std::string a = text_of(kTextLimit);
  for (auto _ : state) benchmark::DoNotOptimize(chrf(a, a));
}
BENCHMARK(chrf_of)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace moestress::quality
