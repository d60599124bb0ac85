// S1 AI Assistant Marathon: conversations side by side for hours, with a checkpoint every minute from which
// an interrupted run goes on.
#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "base/text.h"
#include "probe/host.h"
#include "probe/process.h"
#include "protocol/marathon.h"
#include "protocol/marathon_verdict.h"
#include "protocol/result_builder.h"
#include "protocol/tests.h"
#include "store/run_reader.h"

namespace moestress::protocol {
namespace {

using record::Verdict;

constexpr const char* kId = "S1";
constexpr base::Duration kLookEvery = std::chrono::milliseconds(50);
constexpr int kContextShare = 4;  // a reply takes this part of the context at most

/// The marathon's course on the rig.
class RigCourse final : public MarathonCourse {
 public:
  explicit RigCourse(Rig& rig) : rig_(rig), seen_until_(rig.now()) {}

  base::Duration now() const override { return rig_.now(); }
  base::WallTime wall_now() const override { return rig_.run().clock.wall_now(); }
  bool cancelled() const override { return rig_.cancelled(); }

  base::Status start(std::size_t threads, load::EndlessLoop::Next next) override {
    MOESTRESS_TRY_STATUS(rig_.ensure_target());
    seen_until_ = rig_.now();
    others_cpu_.reset();
    loop_ = rig_.endless_loop(kId, threads, std::move(next));
    return {};
  }

  MarathonSlice advance(base::Duration until) override {
    while (rig_.now() < until && !rig_.cancelled() && !rig_.target().death())
      std::this_thread::sleep_for(std::clamp(until - rig_.now(), base::Duration{0}, kLookEvery));
    MarathonSlice slice = take();
    if (rig_.target().death()) {
      loop_->finish(true);
      MarathonSlice rest = take();
      std::move(rest.outcomes.begin(), rest.outcomes.end(), std::back_inserter(slice.outcomes));
      loop_.reset();  // before the target: it sends there
      slice.death = rig_.take_death();
    }
    return slice;
  }

  MarathonSlice finish(bool at_once) override {
    if (!loop_) return {};
    loop_->finish(at_once || rig_.cancelled());
    MarathonSlice slice = take();
    loop_.reset();
    return slice;
  }

  void keep(const record::Checkpoint& checkpoint) override {
    rig_.save_state();
    rig_.run().writer.add_checkpoint(rig_.facts().id, kId, checkpoint);
  }

  void note_event(const std::string& kind, const std::string& text) override {
    rig_.run().writer.add_event(kind, text);
  }

 private:
  MarathonSlice take() {
    MarathonSlice slice;
    slice.outcomes = loop_->take();
    slice.memory = rig_.memory_since(seen_until_);
    if (!slice.memory.empty()) seen_until_ = slice.memory.back().at + base::Duration{1};
    rig_.forget_memory_before(seen_until_);
    if (const auto own = probe::read_process(getpid())) {
      slice.own_private_bytes = own->rss_anon_bytes + own->swap_bytes;
      slice.own_rss_bytes = own->rss_anon_bytes + own->rss_file_bytes + own->rss_shmem_bytes;
    }
    if (!slice.memory.empty()) slice.others_cpu = others_cpu_since_last(slice.memory.back());
    return slice;
  }

  /// What the machine computed for others since the call before; absent at the first, and where a process of
  /// the target ended meanwhile and took its time out of the sum.
  std::optional<base::Duration> others_cpu_since_last(const record::ProcessSample& target) {
    const auto busy = probe::read_cpu_busy_ns();
    timespec own{};
    if (!busy || clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own) != 0) return std::nullopt;
    const base::Duration others = base::Duration(*busy - target.cpu_time_ns) -
                                  std::chrono::seconds(own.tv_sec) - std::chrono::nanoseconds(own.tv_nsec);
    const auto before = std::exchange(others_cpu_, others);
    const auto target_before = std::exchange(target_cpu_ns_, target.cpu_time_ns);
    if (!before || target.cpu_time_ns < target_before) return std::nullopt;
    return std::max(base::Duration{0}, others - *before);
  }

  Rig& rig_;
  base::Duration seen_until_;
  std::optional<base::Duration> others_cpu_;  ///< since boot, up to a constant
  std::int64_t target_cpu_ns_ = 0;
  std::unique_ptr<load::EndlessLoop> loop_;
};

MarathonPlan plan_of(Rig& rig) {
  const plan::TestParameters& sizes = rig.sizes();
  MarathonPlan plan;
  plan.seconds = sizes.marathon_seconds;
  plan.checkpoint_seconds = sizes.marathon_checkpoint_seconds;
  plan.threads = static_cast<std::size_t>(sizes.marathon_threads);
  plan.first_session = rig.next_session();
  for (std::size_t i = 1; i < plan.threads; ++i) rig.next_session();
  const int trained = static_cast<int>(rig.facts().topology.context_tokens);
  const int wanted = rig.plan().target.context_tokens;
  plan.shape.context_tokens = trained > 0 ? std::min(wanted, trained) : wanted;
  plan.shape.seed = rig.seed("S1/turns");
  plan.shape.count_tokens = [&rig](std::string_view text) { return rig.facts().count_tokens(text); };
  plan.shape.request =
      rig.request_shape(std::min(sizes.marathon_tokens, plan.shape.context_tokens / kContextShare));
  plan.shape.request.ignore_eos = false;  // an assistant may come to an end
  plan.shape.request.sampling.temperature = 0.8;
  plan.shape.request.sampling.top_p = 0.95;
  return plan;
}

/// What an interrupted run has of this test: checkpoints for the totals and trends, replies for latencies.
base::Status restore(Rig& rig, MarathonLedger& ledger, ResultBuilder& result) {
  const ResumedModel* before = rig.run().resumption ? rig.run().resumption->model(rig.facts().id) : nullptr;
  if (before == nullptr || before->marathon.empty()) return {};
  ledger.restore(before->marathon);
  MOESTRESS_TRY_STATUS(rig.run().writer.flush());
  MOESTRESS_TRY(const auto reader, store::RunReader::open(rig.run().run_directory));
  MOESTRESS_TRY_STATUS(reader.for_each_outcome(
      rig.facts().id, kId,
      [&](const std::string&, const record::Outcome& outcome) { ledger.restore(outcome); }));
  result.finding("info",
                 fmt::format("interrupted, and gone on with after {} of active time; the conversations "
                             "were begun anew, at the turns that came next",
                             base::human_seconds(ledger.active_seconds())));
  return {};
}

}  // namespace

record::TestResult scenario_s1_marathon(Rig& rig) {
  ResultBuilder result;
  const MarathonPlan plan = plan_of(rig);
  if (!workload::MarathonThread(plan.shape, 0).has_prompts()) {
    result.judge(Verdict::Skipped,
                 fmt::format("no prompt fits into a context of {} tokens beside a reply of {}",
                             plan.shape.context_tokens, plan.shape.request.max_tokens));
    return result.take();
  }
  MarathonLedger ledger(plan.threads, plan.first_session, !rig.facts().random_weights);
  if (const auto restored = restore(rig, ledger, result); !restored) {
    result.judge(Verdict::Invalid,
                 "what was measured before the interruption can't be read: " + restored.error().message);
    return result.take();
  }
  RigCourse course(rig);
  const auto run = run_marathon(plan, course, ledger, rig.request_ids());
  if (!run && !rig.cancelled())
    result.judge(Verdict::Fail,
                 "after its death the server could not be started again: " + run.error().message);
  conclude_marathon(ledger, {rig.plan().thresholds, plan.seconds}, result);
  return result.take();
}

Work work_s1(const WorkInput& input) {
  const plan::TestParameters& sizes = input.plan.tests;
  Work work;
  work.seconds = sizes.marathon_seconds;  // as many requests as fit
  return work;
}

}  // namespace moestress::protocol
