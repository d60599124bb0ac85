#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "record/checkpoint.h"
#include "record/outcome.h"
#include "record/result.h"
#include "record/routing.h"
#include "record/sample.h"
#include "store/directory_lock.h"
#include "store/run_info.h"

namespace moestress::store {

/// Bounds of a RunWriter, and its idea of time.
struct WriterOptions {
  std::size_t queue_entries_max = 8192;
  std::size_t queue_bytes_max = 64u << 20;
  std::size_t text_bytes_max =
      64u << 10;  ///< of an outcome's text that is kept; its full length is kept beside it
  std::size_t chunks_max = 1u << 20;    ///< of an outcome's chunk times that are kept
  std::int64_t database_bytes_max = 0;  ///< 0: as much as the disk holds
  base::Duration commit_interval = std::chrono::seconds(1);
  /// The run's first instant, which events are stamped against; absent: the moment of creation.
  std::optional<base::TimePoint> epoch;
  /// Called once, at the first write error, on whatever thread met it.
  std::function<void()> on_failure;
};

/// Writes one run directory: `run.db` (SQLite, WAL mode) and `routing.bin`. Owned by the run; any thread may
/// call. A thread of its own takes what was added from a bounded queue and commits it once a second, so that
/// an add costs a copy and a lock. If the queue is full, the caller waits: nothing is dropped, and a disk
/// that can't keep up shows as lag. After the first write error nothing more is tried and every add returns
/// at once; what was committed before it stays readable.
class RunWriter {
 public:
  /// Makes the directory and the database. Errors: Usage (the directory exists and is not empty), Io.
  static base::Result<std::unique_ptr<RunWriter>> create(const std::string& directory, const RunInfo& info,
                                                         const WriterOptions& options = {});
  /// Goes on with a run that was cut off. Nothing of it is changed yet but, where an older moestress began
  /// it, the schema. Errors: Io, Format (no run's database).
  static base::Result<std::unique_ptr<RunWriter>> open(const std::string& directory, DirectoryLock lock,
                                                       const WriterOptions& options);
  /// Commits what is queued; the run stays marked as not ended unless `finish` was called.
  ~RunWriter();
  RunWriter(const RunWriter&) = delete;
  RunWriter& operator=(const RunWriter&) = delete;

  /// Adds or replaces a model by its id. Its tests, criteria and recommendations are not looked at.
  void add_model(const record::ModelResult& model);
  /// Adds or replaces a test by (model, id); on disk when this returns. `interrupted`: it is to be run again
  /// when the run is gone on with, and what it has recorded set aside then.
  void add_test(const std::string& model_id, const record::TestResult& test, bool interrupted = false);
  /// Adds or replaces a criterion by (model, id).
  void add_criterion(const std::string& model_id, const record::CriterionResult& criterion);
  /// Adds or replaces a check by (model, expression).
  void add_check(const std::string& model_id, const record::CheckResult& check);
  /// How long a test is thought to take; also of a model that comes later. Replaces what was thought before.
  void add_estimate(const std::string& model_id, const std::string& test_id, double seconds);
  void add_recommendation(const std::string& model_id, const record::Recommendation& recommendation);
  /// All but the token choices, which only the test that asked for them reads.
  void add_outcome(const std::string& model_id, const std::string& test_id, const record::Outcome& outcome);
  void add_process_sample(const std::string& model_id, const record::ProcessSample& sample);
  void add_host_sample(const record::HostSample& sample);
  void add_device_sample(const std::string& model_id, const record::DeviceSample& sample);
  /// Stamped with the time since the epoch.
  void add_event(const std::string& kind, const std::string& text);
  /// Stamped with `at`, an offset from the epoch.
  void add_event(base::Duration at, const std::string& kind, const std::string& text);
  /// Where a long test stands; on disk when this returns.
  void add_checkpoint(const std::string& model_id, const std::string& test_id,
                      const record::Checkpoint& checkpoint);
  void add_part(const Part& part);
  void add_model_file(const ModelFile& file);
  /// Whatever a model's rig must know again when the run is gone on with; replaces what was there.
  void set_model_state(const std::string& model_id, const std::string& json);
  /// Of a run that is gone on with: sets aside what a test that was cut off has recorded. Outcomes since the
  /// last finished test get the test id "<id> (cut off)", but those of `kept_test` until `kept_until`, which
  /// goes on; routing since then is left out. The run counts as not ended again.
  void set_aside_cut_off(const std::string& kept_test, base::Duration kept_until);
  /// Removes a model's criteria and recommendations, which are to be concluded anew.
  void clear_conclusions(const std::string& model_id);
  void set_environment(const std::string& json);
  void set_target(const std::string& json);

  /// Appends a trace to routing.bin (compressed and checksummed, on the caller's thread) and queues its index
  /// entry. Errors: Limit (over 256 MiB uncompressed), Usage (a trace whose arrays do not fit its sizes), Io.
  base::Status add_routing(const std::string& model_id, const std::string& set_label,
                           const std::string& prompt_id, const record::RoutingTrace& trace);

  /// Waits until everything added before it is on disk. Gives `status()`.
  base::Status flush();
  /// The first write error (Io; names the file, the bytes free there and the remedy), or success.
  base::Status status() const;
  /// Writes the run's end, commits, and folds the write-ahead log into run.db. `ended` is ISO 8601 UTC.
  base::Status finish(const std::string& verdict, const std::string& reason, const std::string& ended);

  const std::string& directory() const;

 private:
  RunWriter();
  class Worker;
  std::unique_ptr<Worker> worker_;
};

}  // namespace moestress::store
