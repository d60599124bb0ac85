#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "record/checkpoint.h"
#include "record/outcome.h"
#include "record/result.h"
#include "record/routing.h"
#include "record/sample.h"
#include "store/run_info.h"

namespace moestress::store {

/// Reads a run directory, whether the run goes on, has finished or was cut off. Each call sees what was
/// committed when it began. Movable; one thread at a time. Every call may fail with Io (unreadable) or Format
/// (damaged).
class RunReader {
 public:
  /// Errors: Io (no such run), Format (not a run, or of a newer moestress). A directory that can't be written
  /// is read all the same: where SQLite needs its shared-memory file, a private copy is read.
  static base::Result<RunReader> open(const std::string& directory);
  RunReader(RunReader&&) noexcept;
  RunReader& operator=(RunReader&&) noexcept;
  ~RunReader();

  const std::string& directory() const;

  base::Result<RunInfo> info() const;
  /// In the order they were first added, with tests, criteria and recommendations.
  base::Result<std::vector<record::ModelResult>> models() const;

  /// All outcomes of one model; of one test, or of all if `test_id` is empty. In the order they were added.
  /// Chunks come with their times; their texts are cut from the stored text and empty past its cap.
  base::Result<std::vector<record::Outcome>> outcomes(const std::string& model_id,
                                                      const std::string& test_id) const;
  /// The same one by one, in bounded memory.
  base::Status for_each_outcome(
      const std::string& model_id, const std::string& test_id,
      const std::function<void(const std::string& test_id, const record::Outcome&)>& visit) const;

  /// Samples in order of time. `max_points` 0 gives all. Otherwise at most that many (and at least two): the
  /// series is cut into equal runs, and of each the lowest and the highest stay, so that no peak is lost. Low
  /// and high are of private bytes (process), available memory (host) and used bytes (device, each by
  /// itself).
  base::Result<std::vector<record::ProcessSample>> process_samples(const std::string& model_id,
                                                                   std::size_t max_points = 0) const;
  base::Result<std::vector<record::HostSample>> host_samples(std::size_t max_points = 0) const;
  base::Result<std::vector<record::DeviceSample>> device_samples(const std::string& model_id,
                                                                 std::size_t max_points = 0) const;
  base::Result<std::vector<Event>> events() const;

  // What it takes to go on with a run. A run of an older moestress has nothing of it.

  /// The stretches in which moestress ran, in order of time.
  base::Result<std::vector<Part>> parts() const;
  /// The latest instant that anything was recorded for.
  base::Result<base::Duration> last_instant() const;
  base::Result<NextIds> next_ids() const;
  base::Result<std::vector<ModelFile>> model_files() const;
  /// As given to RunWriter::set_model_state; empty where there is none.
  base::Result<std::string> model_state(const std::string& model_id) const;
  /// In the order they were added.
  base::Result<std::vector<record::Checkpoint>> checkpoints(const std::string& model_id,
                                                            const std::string& test_id) const;

  /// The traces of one model, or of all if `model_id` is empty, in the order they were added.
  base::Result<std::vector<RoutingEntry>> routing(const std::string& model_id = {}) const;
  /// Errors: Format (a checksum or a size does not fit: the frame is damaged).
  base::Result<record::RoutingTrace> read_routing(const RoutingEntry& entry) const;

 private:
  RunReader();
  class Source;
  std::unique_ptr<Source> source_;
};

}  // namespace moestress::store
