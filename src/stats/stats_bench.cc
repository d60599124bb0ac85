#include <benchmark/benchmark.h>

#include <vector>

#include "base/random.h"
#include "stats/change_point.h"
#include "stats/histogram.h"
#include "stats/trend.h"

namespace moestress::stats {
namespace {

std::vector<double> noise(std::size_t n) {
  base::Random random(1);
  std::vector<double> values(n);
  for (double& value : values) value = random.normal();
  return values;
}

void theil_sen_of(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  std::vector<double> x(n);
  for (std::size_t i = 0; i < n; ++i) x[i] = static_cast<double>(i);
  const std::vector<double> y = noise(n);
  for (auto _ : state) benchmark::DoNotOptimize(theil_sen(x, y));
}
BENCHMARK(theil_sen_of)->Arg(100)->Arg(2000)->Arg(28800)->Unit(benchmark::kMillisecond);

void mann_kendall_of(benchmark::State& state) {
  const std::vector<double> y = noise(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(mann_kendall(y));
}
BENCHMARK(mann_kendall_of)->Arg(28800)->Unit(benchmark::kMillisecond);

void change_points_of(benchmark::State& state) {
  const std::vector<double> y = noise(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(change_points(y, 1));
}
BENCHMARK(change_points_of)->Arg(100)->Arg(1000)->Unit(benchmark::kMillisecond);

void histogram_add(benchmark::State& state) {
  LatencyHistogram histogram;
  base::Random random(1);
  for (auto _ : state) histogram.add(base::Duration{static_cast<std::int64_t>(random.next() >> 30)});
  benchmark::DoNotOptimize(histogram.count());
}
BENCHMARK(histogram_add);

}  // namespace
}  // namespace moestress::stats
