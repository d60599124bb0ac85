#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "record/sample.h"

namespace moestress::probe {

/// What sampling itself took, so that a reader can tell whether the instrument disturbed what it measured.
struct SamplerCost {
  double cpu_share = 0;             ///< CPU time of the sampler's thread over wall time, 0..1 (of one core)
  base::Duration per_sample{0};     ///< mean CPU time of one round of samples
  std::int64_t samples = 0;         ///< rounds taken
  std::int64_t samples_missed = 0;  ///< rounds left out because the one before took, or was kept, too long
};

/// Takes samples of the target's process tree, the host and its GPUs at a steady rate, on a thread of its
/// own. Owned by the run; any thread may call.
class Sampler {
 public:
  struct Options {
    int pid = -1;  ///< the target's first process; -1: none yet, host and devices only
    base::SeriesId series;
    double hz = 2;  ///< 0.01 to 10
    std::string proc_root = "/proc";
    std::string sys_root = "/sys";
    std::string nvml_library = "libnvidia-ml.so.1";
    base::TimePoint epoch;  ///< the run's first instant: samples count from it
  };
  /// Called on the sampler's thread; must be quick. Empty ones are left out.
  struct Sink {
    std::function<void(const record::ProcessSample&)> on_process;
    std::function<void(const record::HostSample&)> on_host;
    std::function<void(const record::DeviceSample&)> on_device;
  };

  /// Errors: Usage (hz out of range), Io (no thread).
  static base::Result<std::unique_ptr<Sampler>> start(const Options& options, Sink sink);
  /// Stops.
  ~Sampler();

  /// From the next round on. A process that is gone gives no samples: a gap, not zeros.
  void set_target(int pid, base::SeriesId series);
  /// Returns when the last callback has. May be called again.
  void stop();
  SamplerCost cost() const;

 private:
  Sampler();
  class Worker;
  std::unique_ptr<Worker> worker_;
};

}  // namespace moestress::probe
