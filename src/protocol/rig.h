#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "base/work_queue.h"
#include "load/closed_loop.h"
#include "load/endless_loop.h"
#include "load/open_loop.h"
#include "net/event_loop.h"
#include "net/url.h"
#include "plan/plan.h"
#include "probe/sampler.h"
#include "protocol/model_facts.h"
#include "protocol/resumption.h"
#include "protocol/server_properties.h"
#include "record/placement.h"
#include "record/sample.h"
#include "store/run_writer.h"
#include "target/target.h"
#include "workload/requests.h"

namespace moestress::protocol {

/// What all models of a run share. Owned by the runner; outlives every rig.
struct RunContext {
  const plan::Plan& plan;
  record::ExpertPlacement placement;  ///< plan.target.experts, parsed
  const base::Clock& clock;
  base::TimePoint epoch;
  store::RunWriter& writer;
  const std::atomic<bool>& cancelled;  ///< by a signal, or since nothing more can be recorded
  base::Logger logger;
  std::string
      device;  ///< what plan.target.device comes down to here: "CPU", "Vulkan0"; "" for another's server
  bool software_device =
      false;  ///< a GPU made of software (lavapipe): its placement is real, its speed is not
  std::optional<net::Url> url;  ///< of plan.target.url
  std::string api_key;          ///< what plan.target.api_key_env holds; never recorded
  std::string program;          ///< this executable, for `serve` and `score`
  std::string run_directory;
  workload::PromptLibrary prompts;         ///< the built-in sets, or the plan's in place of some
  const Resumption* resumption = nullptr;  ///< of a run that is gone on with

  /// The same run with another plan, which must outlive it, and placement.
  RunContext with(const plan::Plan& other, record::ExpertPlacement other_placement) const {
    return {other,           std::move(other_placement),
            clock,           epoch,
            writer,          cancelled,
            logger,          device,
            software_device, url,
            api_key,         program,
            run_directory,   prompts,
            resumption};
  }
};

/// The measuring rig of one model: the target under test, the load on it, the probe that watches it, and the
/// recording of all three. Tests drive it one after the other; one thread at a time.
class Rig {
 public:
  static base::Result<std::unique_ptr<Rig>> create(RunContext& run, ModelFacts facts);
  ~Rig();
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  const plan::Plan& plan() const { return run_.plan; }
  const plan::TestParameters& sizes() const { return run_.plan.tests; }
  const record::ExpertPlacement& placement() const { return run_.placement; }
  const ModelFacts& facts() const { return facts_; }
  const workload::PromptLibrary& prompts() const { return run_.prompts; }
  RunContext& run() { return run_; }
  bool cancelled() const { return run_.cancelled.load(); }
  base::Duration now() const { return run_.clock.now() - run_.epoch; }
  std::uint64_t seed(std::string_view purpose) const;

  // The target.

  /// Starts the target if it does not run, as the plan says or with another context per slot.
  base::Status ensure_target(std::optional<int> context_tokens = std::nullopt);
  void stop_target();
  /// Stops the target, where it is ours, before a model is loaded beside it: two may not fit.
  void make_room() {
    if (!run_.url) stop_target();
  }
  bool has_target() const { return target_ != nullptr; }
  target::Target& target() { return *target_; }
  /// Whether the plan names no other server: then the engine itself can be asked.
  bool embedded() const { return run_.plan.target.spawn.empty() && run_.plan.target.url.empty(); }
  /// The engine's own books, of an embedded target; asked anew. Never called while anything is timed.
  base::Result<ServerProperties> server_properties();
  /// How the target ended if it did so by itself since it was last started; tells it once.
  std::optional<std::string> take_death();
  int deaths() const { return deaths_; }
  /// The longest that one process of the target was up, of those that have been stopped or died.
  base::Duration longest_uptime() const { return longest_uptime_; }
  bool software_device() const { return run_.software_device; }
  /// For the next test: whether a GPU made of software is wanted for its placement. Else, and if the plan
  /// doesn't want it for all, the CPU takes its place.
  void use_device_for(bool placement) {
    on_stand_in_ = run_.software_device && (placement || run_.plan.target.stand_in == "all");
  }
  /// As `--device` takes it, for the current test.
  std::string device() const {
    return run_.software_device && !on_stand_in_ ? "cpu" : run_.plan.target.device;
  }
  bool has_device() const { return run_.device != "CPU"; }
  bool on_cpu_only() const { return !has_device() || (run_.software_device && !on_stand_in_); }

  // Load on it.

  workload::RequestIds& request_ids() { return request_ids_; }
  /// Replies of exactly `max_tokens`, where the server can be told to ignore the model's own end.
  workload::RequestShape request_shape(int max_tokens) const;
  base::SessionId next_session() { return base::SessionId{next_session_++}; }
  /// Runs the sessions and records every outcome under `test_id`; tokens are counted.
  load::LoadResult closed_loop(const std::string& test_id, std::vector<std::vector<record::Request>> sessions,
                               std::optional<base::Duration> stop_after = std::nullopt);
  /// The same with all that a closed loop can be told: think time, conversations that are completed as they
  /// go.
  load::LoadResult closed_loop(const std::string& test_id, load::ClosedLoop plan);
  load::LoadResult open_loop(const std::string& test_id, std::vector<record::Request> requests);
  /// Sessions that go on until they are told to stop. Outcomes are recorded under `test_id`; tokens are
  /// counted before `next` sees them. It must end before the target is stopped.
  std::unique_ptr<load::EndlessLoop> endless_loop(const std::string& test_id, std::size_t sessions,
                                                  load::EndlessLoop::Next next);

  // What the probe saw.

  /// Samples of the running target since `since`, oldest first.
  std::vector<record::ProcessSample> memory_since(base::Duration since) const;
  /// Drops older samples, so that a long test holds none that it has looked at.
  void forget_memory_before(base::Duration time);
  /// Samples of this machine's devices since `since`, oldest first; none for a server at a URL.
  std::vector<record::DeviceSample> devices_since(base::Duration since) const;
  /// The newest sample taken after this call began; absent when there is no process to look at.
  std::optional<record::ProcessSample> fresh_memory();
  /// Highest device figures of the whole run so far, by source ("engine", "nvml", …), in bytes of one device.
  std::unordered_map<std::string, double> device_peaks() const;
  probe::SamplerCost probe_cost() const;

  /// Records what a run that is gone on with must know again: deaths, uptime, device peaks.
  void save_state();

  /// A fresh path in the run's scratch folder, removed with the rig.
  std::string scratch_path(const std::string& name) const;

 private:
  Rig(RunContext& run, ModelFacts facts);
  target::TargetSpec target_spec(int context_tokens) const;
  std::vector<std::string> serve_arguments(int context_tokens) const;
  load::Sender sender(const std::string& test_id);
  load::Sender counting_sender(const std::string& test_id);
  void restore(const Resumption& resumption);
  void settle_tokens(record::Outcome& outcome, const record::Request& request) const;
  load::LoadResult with_tokens(load::LoadResult result);
  void note_uptime();
  base::Status start_probe();
  void on_process_sample(const record::ProcessSample& sample);
  void on_device_sample(const record::DeviceSample& sample);
  void note_peak(const std::string& source, double bytes);

  RunContext& run_;
  ModelFacts facts_;
  net::EventLoop loop_;
  std::jthread loop_thread_;
  std::unique_ptr<target::Target> target_;
  std::unique_ptr<probe::Sampler> sampler_;
  workload::RequestIds request_ids_;
  std::int64_t next_session_ = 0;
  std::int64_t next_series_ = 0;
  bool on_stand_in_ = false;
  int context_tokens_ = 0;     ///< of the running target
  std::string target_device_;  ///< of the running target
  int deaths_ = 0;
  base::Duration ready_at_{0};  ///< of the running target
  base::Duration longest_uptime_{0};

  mutable std::mutex samples_mutex_;
  std::deque<record::ProcessSample> samples_;        ///< of the running target, bounded
  std::deque<record::DeviceSample> device_samples_;  ///< bounded
  std::unordered_map<std::string, double> device_peaks_;
  std::unordered_map<std::string, double> device_idle_;  ///< used bytes before the target was started

  /// Token counts of outcomes since the last with_tokens(): written by recording_, read once it is drained.
  struct Tokens {
    std::int64_t prompt = -1;
    std::int64_t completion = -1;
  };
  std::unordered_map<base::RequestId, Tokens> tokens_;
  base::WorkQueue recording_;  // last: its tasks use the others
};

}  // namespace moestress::protocol
