// What one sample costs, piece by piece: the sampler runs beside every timed test.
#include <benchmark/benchmark.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "probe/host.h"
#include "probe/nvml.h"
#include "probe/page_cache.h"
#include "probe/process.h"

namespace moestress::probe {
namespace {

/// A target of `size` processes that do nothing.
class IdleTree {
 public:
  explicit IdleTree(int size) {
    first_ = ::fork();
    if (first_ == 0) {
      ::setpgid(0, 0);
      for (int i = 1; i < size; ++i)
        if (::fork() == 0) break;
      while (true) ::pause();
    }
    // The child does this as well: whoever is first, the group is there afterwards.
    ::setpgid(first_, first_);
  }
  ~IdleTree() {
    ::kill(-first_, SIGKILL);
    ::waitpid(first_, nullptr, 0);
  }
  int pid() const { return first_; }

 private:
  int first_ = -1;
};

void sample_process_tree(benchmark::State& state) {
  const IdleTree target(static_cast<int>(state.range(0)));
  ProcessTree tree(target.pid());
  while (tree.members().size() < static_cast<std::size_t>(state.range(0))) tree.rescan();
  for (auto _ : state) benchmark::DoNotOptimize(tree.sample());
}
BENCHMARK(sample_process_tree)->Arg(1)->Arg(8)->Unit(benchmark::kMicrosecond);

void rescan_process_tree(benchmark::State& state) {
  const IdleTree target(1);
  ProcessTree tree(target.pid());
  for (auto _ : state) benchmark::DoNotOptimize(tree.rescan());
}
BENCHMARK(rescan_process_tree)->Unit(benchmark::kMicrosecond);

void sample_host(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(read_host());
}
BENCHMARK(sample_host)->Unit(benchmark::kMicrosecond);

void sample_numa_nodes(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(read_numa_nodes());
}
BENCHMARK(sample_numa_nodes)->Unit(benchmark::kMicrosecond);

void sample_gpu(benchmark::State& state) {
  const auto nvml = Nvml::open();
  if (!nvml) {
    state.SkipWithError("no NVIDIA GPU");
    return;
  }
  for (auto _ : state) benchmark::DoNotOptimize((*nvml)->read(0));
}
BENCHMARK(sample_gpu)->Unit(benchmark::kMicrosecond);

void page_cache_of_this_program(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(page_cache_residency("/proc/self/exe"));
}
BENCHMARK(page_cache_of_this_program)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace moestress::probe

BENCHMARK_MAIN();
