#include <benchmark/benchmark.h>

#include "experts/cache.h"
#include "experts/set_comparison.h"
#include "experts/trace_testing.h"

namespace moestress::experts {
namespace {

std::vector<record::RoutingTrace> prompts(std::size_t count, std::size_t tokens) {
  base::Random random(1);
  std::vector<record::RoutingTrace> traces;
  for (std::size_t i = 0; i < count; ++i) traces.push_back(random_trace(random, tokens, 27, 64, 6, 0.05));
  return traces;
}

/// 40 prompts of 64 experts in 27 layers against 40 others.
void permutation_test(benchmark::State& state) {
  const auto a = prompts(40, 60);
  const auto b = prompts(40, 60);
  for (auto _ : state) benchmark::DoNotOptimize(compare_sets(a, b, static_cast<int>(state.range(0)), 1));
}
BENCHMARK(permutation_test)->Arg(1000)->Unit(benchmark::kMillisecond);

void cache_of_every_size(benchmark::State& state) {
  const auto traces = prompts(10, 100);
  for (auto _ : state) benchmark::DoNotOptimize(cache_curves(traces, 1));
  state.SetItemsProcessed(state.iterations() * 1000);  // tokens
}
BENCHMARK(cache_of_every_size)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace moestress::experts
