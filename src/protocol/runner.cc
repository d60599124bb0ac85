#include "protocol/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <thread>

#include "base/text.h"
#include "engine/model.h"
#include "engine/physical_cores.h"
#include "protocol/calibration.h"
#include "protocol/checks.h"
#include "protocol/criteria.h"
#include "protocol/forecast.h"
#include "protocol/recommendations.h"
#include "protocol/subject.h"
#include "protocol/tests.h"
#include "protocol/time_model.h"
#include "store/run_reader.h"
#include "target/process.h"

namespace moestress::protocol {
namespace {

using record::TestResult;
using record::Verdict;

/// A run of less is over before a calibration has paid for itself.
constexpr double kCalibrateFromSeconds = 180;

/// What the models of a run share.
struct RunState {
  TimeModel time;
  bool estimated = false;
  std::string aborted;  ///< by which check
};

/// Outcomes of one test as they were recorded.
CheckWatch::Read recorded_outcomes(RunContext& run, const std::string& model_id) {
  return [&run, model_id](const std::string& test,
                          const std::function<void(const record::Outcome&)>& visit) -> base::Status {
    MOESTRESS_TRY_STATUS(run.writer.flush());
    MOESTRESS_TRY(const auto reader, store::RunReader::open(run.run_directory));
    return reader.for_each_outcome(
        model_id, test, [&](const std::string&, const record::Outcome& outcome) { visit(outcome); });
  };
}

/// One model's way through the tests.
class ModelRun {
 public:
  ModelRun(RunContext& run, Rig& rig, RunState& state, Progress& progress)
      : run_(run),
        rig_(rig),
        state_(state),
        progress_(progress),
        checks_(run.plan.checks, recorded_outcomes(run, rig.facts().id)),
        result_(model_result(rig.facts(), run.plan.target.experts)) {}

  base::Status tests() {
    run_.writer.add_model(result_);
    run_.writer.clear_conclusions(result_.id);
    progress_.model_started(result_);
    for (const Test& test : protocol::tests()) {
      if (!run_.plan.wants(test.id)) continue;
      if (rig_.cancelled() || !state_.aborted.empty()) break;
      if (const TestResult* before = recorded(test.id)) {
        state_.time.finished(result_.id, test.id, before->seconds);
        result_.tests.push_back(*before);
        continue;
      }
      if (test.target != Test::Target::Placement) calibrate_once();
      progress_.test_started(test.id, test.name, state_.time.seconds_left());
      const base::Duration start = rig_.now();
      TestResult result = run_test(test);
      result.id = test.id;
      result.name = test.name;
      result.seconds = base::to_seconds(rig_.now() - start);
      state_.time.finished(result_.id, test.id, result.seconds);
      rig_.save_state();
      run_.writer.add_test(result_.id, result, result.reason == kInterruptedReason);
      progress_.test_finished(result);
      result_.tests.push_back(std::move(result));
      MOESTRESS_TRY_STATUS(run_.writer.status());
      note_estimate();
      look_at_checks();
    }
    rig_.stop_target();
    return run_.writer.status();
  }

  void conclude() {
    CriterionInput input{result_, run_.plan.thresholds};
    input.device_peaks = rig_.device_peaks();
    input.has_device = rig_.embedded() ? run_.device != "CPU" : run_.url || !input.device_peaks.empty();
    input.software_device = run_.software_device;
    input.speed_of_stand_in = run_.software_device && run_.plan.target.stand_in == "all";
    input.random_weights = rig_.facts().random_weights;
    input.hours = base::to_seconds(rig_.longest_uptime()) / 3600;
    input.deaths = rig_.deaths();
    result_.criteria = decide_criteria(input);
    result_.recommendations =
        recommend({input, run_.plan.target, rig_.facts().topology, run_.placement, rig_.embedded(),
                   engine::physical_cores(), run_.plan.suite, run_.plan.scale});
    result_.checks = checks_.judge(result_.tests);
    for (const auto& check : result_.checks) run_.writer.add_check(result_.id, check);
    for (const auto& criterion : result_.criteria) run_.writer.add_criterion(result_.id, criterion);
    for (const auto& recommendation : result_.recommendations)
      run_.writer.add_recommendation(result_.id, recommendation);
    progress_.model_finished();
  }

  bool unreachable() const { return unreachable_; }
  record::ModelResult take() { return std::move(result_); }

 private:
  /// The test's result where the run was cut off after it; nullptr: it is to be run.
  const TestResult* recorded(std::string_view id) const {
    const ResumedModel* before = run_.resumption ? run_.resumption->model(result_.id) : nullptr;
    return before ? before->test(id) : nullptr;
  }

  bool is_long() const { return state_.time.reference_seconds() >= kCalibrateFromSeconds; }

  /// A long run's estimate rests on a calibration: after the tests that look at a server nobody has talked to
  /// yet, before all others.
  void calibrate_once() {
    if (calibrated_) return;
    calibrated_ = true;
    if (unreachable_ || !is_long()) return;
    rig_.use_device_for(false);
    if (!rig_.ensure_target()) return;  // the test that needs it says so
    const auto speeds = calibrate(rig_);
    if (!speeds) {
      run_.writer.add_event("calibration", "no estimate of the time: " + speeds.error().message);
      return;
    }
    run_.writer.add_event(
        "calibration",
        fmt::format(
            "{}: {:.1f} tok/s of prompts, {:.1f} tok/s of one reply, {} together {:.1f} times as fast, "
            "ready after {}",
            result_.id, speeds->prefill_tok_s, speeds->decode_tok_s, speeds->slots, speeds->parallel_gain,
            base::human_seconds(speeds->start_seconds)));
    state_.time.calibrated(result_.id, *speeds);
    note_estimate();
  }

  /// Once in a run: what it is thought to take, recorded so that it can be held against what it took.
  void note_estimate() {
    const auto remaining = state_.time.remaining();
    if (state_.estimated || remaining.empty() || (!calibrated_ && is_long())) return;
    state_.estimated = true;
    const double passed = base::to_seconds(rig_.now());
    double left = 0;
    for (const auto& one : remaining) {
      run_.writer.add_estimate(one.model, one.test, one.seconds);
      left += one.seconds;
    }
    run_.writer.add_estimate("", "", passed);  // so that their sum is the whole run's
    run_.writer.add_event("estimate",
                          fmt::format("{} in all: {} have passed, {} tests are thought to take {}",
                                      base::human_seconds(passed + left), base::human_seconds(passed),
                                      remaining.size(), base::human_seconds(left)));
    progress_.estimated(passed + left, left);
  }

  void look_at_checks() {
    const auto failed = checks_.abort_for(result_.tests);
    if (!failed) return;
    state_.aborted = fmt::format("the check \"{}\" failed: {}", failed->expression, failed->reason);
    run_.writer.add_event("check", state_.aborted + "; the run ends here, as the plan has it");
  }

  TestResult run_test(const Test& test) {
    rig_.use_device_for(test.target == Test::Target::Placement);
    if (test.target != Test::Target::None) {
      if (unreachable_) return conclude_as(Verdict::Skipped, "the target did not become ready (above)");
      if (const auto status = rig_.ensure_target(); !status) {
        if (rig_.cancelled()) return conclude_as(Verdict::Skipped, kInterruptedReason);
        unreachable_ = true;
        run_.writer.add_event("target", status.error().message);
        return conclude_as(Verdict::Fail, status.error().message);
      }
    } else if (rig_.embedded()) {
      rig_.stop_target();  // a model in memory twice may not fit
    }
    const int deaths = rig_.deaths();
    const std::string log = rig_.has_target() ? rig_.target().log_path() : std::string();
    TestResult result = test.run(rig_);
    const auto death = death_of(result);
    if (death || (rig_.deaths() > deaths && !test.judges_deaths)) {
      // A test that failed of it and took the death itself says more than we know.
      if (death)
        result.reason = fmt::format("the server died during this test: {}", *death);
      else if (result.verdict != Verdict::Fail)
        result.reason = "the server died during this test";
      else if (result.reason.find("died") == std::string::npos)
        result.reason = "the server died during this test: " + result.reason;
      result.verdict = Verdict::Fail;
      result.findings.push_back({"error", "the last lines of its log:\n" + target::log_tail(log)});
    } else if (rig_.cancelled()) {
      result.verdict = Verdict::Skipped;
      result.reason = kInterruptedReason;
    }
    return result;
  }

  /// How the target died, if it did. A broken connection is seen before the end of the process that held it,
  /// so after a failure that end is waited for.
  std::optional<std::string> death_of(const TestResult& result) {
    auto death = rig_.take_death();
    for (int looks = 0; looks < 25 && !death && result.verdict == Verdict::Fail && rig_.has_target();
         ++looks) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      death = rig_.take_death();
    }
    return death;
  }

  static TestResult conclude_as(Verdict verdict, std::string reason) {
    TestResult result;
    result.verdict = verdict;
    result.reason = std::move(reason);
    return result;
  }

  RunContext& run_;
  Rig& rig_;
  RunState& state_;
  Progress& progress_;
  CheckWatch checks_;
  record::ModelResult result_;
  bool unreachable_ = false;
  bool calibrated_ = false;
};

}  // namespace

base::Result<ResolvedDevice> resolve_device(const std::string& device) {
  const auto devices = engine::devices();
  for (const auto& candidate : devices) {
    const bool wanted = device == "auto" ? candidate.gpu : candidate.name == device;
    if (wanted) return ResolvedDevice{candidate.gpu ? candidate.name : "CPU", candidate.software};
  }
  if (device == "auto" || device == "cpu") return ResolvedDevice{"CPU", false};
  std::string names;
  for (const auto& candidate : devices) names += (names.empty() ? "" : ", ") + candidate.name;
  return base::fail(base::ErrorCode::Usage, "device \"{}\": the engine knows {} here; see `moestress doctor`",
                    base::printable(device, 60), names.empty() ? "none" : names);
}

base::Status check_tests(const plan::Plan& plan) {
  std::string known;
  for (const Test& test : tests()) known += (known.empty() ? "" : ", ") + std::string(test.id);
  for (const auto& id : plan.only)
    if (std::none_of(tests().begin(), tests().end(), [&](const Test& test) { return test.id == id; }))
      return base::fail(base::ErrorCode::Usage,
                        "test {} is part of the protocol, but not of this version, which has {}", id, known);
  return {};
}

base::Result<RunOutcome> run_plan(RunContext& run, Progress& progress) {
  MOESTRESS_TRY(std::vector<Subject> subjects, subjects_of(run.plan, run.logger));
  for (const auto& path : run.plan.models) {
    MOESTRESS_TRY(const store::ModelFile file, model_file(path));
    run.writer.add_model_file(file);
  }
  RunState state;
  const bool stand_in = run.software_device && run.plan.target.stand_in != "all";
  for (const Subject& subject : subjects) {
    const WorkInput input{subject.plan, subject.facts, run.prompts};
    const double bytes = weight_bytes_per_token(input, subject.placement);
    for (Forecast& one : forecast(input, stand_in))
      state.time.add(subject.facts.id, one.test->id, std::move(one.work), bytes);
  }

  RunOutcome outcome;
  for (Subject& subject : subjects) {
    if (run.cancelled || !state.aborted.empty()) break;
    RunContext context = run.with(subject.plan, subject.placement);
    MOESTRESS_TRY(auto rig, Rig::create(context, std::move(subject.facts)));
    ModelRun model(context, *rig, state, progress);
    const auto status = model.tests();
    model.conclude();
    outcome.unreachable = outcome.unreachable || model.unreachable();
    outcome.models.push_back(model.take());
    if (!status) return tl::unexpected(status.error());
  }
  outcome.aborted = state.aborted;
  outcome.interrupted = run.cancelled;
  outcome.verdict = record::verdict_of(outcome.models);
  return outcome;
}

}  // namespace moestress::protocol
