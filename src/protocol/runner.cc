#include "protocol/runner.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "engine/model.h"
#include "protocol/criteria.h"
#include "protocol/recommendations.h"
#include "protocol/tests.h"
#include "protocol/time_left.h"
#include "target/process.h"

namespace moestress::protocol {
namespace {

using record::TestResult;
using record::Verdict;

/// One model's way through the tests.
class ModelRun {
 public:
  ModelRun(RunContext& run, Rig& rig, TimeLeft& time_left, Progress& progress)
      : run_(run),
        rig_(rig),
        time_left_(time_left),
        progress_(progress),
        result_(model_result(rig.facts(), run.plan.target.experts)) {}

  base::Status tests() {
    run_.writer.add_model(result_);
    run_.writer.clear_conclusions(result_.id);
    progress_.model_started(result_);
    for (const Test& test : protocol::tests()) {
      if (!run_.plan.wants(test.id)) continue;
      if (rig_.cancelled()) break;
      if (const TestResult* before = recorded(test.id)) {
        time_left_.finished(test.id, before->seconds);
        result_.tests.push_back(*before);
        continue;
      }
      progress_.test_started(test.id, test.name, time_left_.seconds());
      const base::Duration start = rig_.now();
      TestResult result = run_test(test);
      result.id = test.id;
      result.name = test.name;
      result.seconds = base::to_seconds(rig_.now() - start);
      time_left_.finished(test.id, result.seconds);
      rig_.save_state();
      run_.writer.add_test(result_.id, result, result.reason == kInterruptedReason);
      progress_.test_finished(result);
      result_.tests.push_back(std::move(result));
      MOESTRESS_TRY_STATUS(run_.writer.status());
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
    result_.recommendations = recommend(input, rig_.facts().topology, run_.placement);
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
    const auto death = rig_.take_death();
    if (death || (rig_.deaths() > deaths && !test.judges_deaths)) {
      result.verdict = Verdict::Fail;
      result.reason = death ? fmt::format("the server died during this test: {}", *death)
                            : "the server died during this test";
      result.findings.push_back({"error", "the last lines of its log:\n" + target::log_tail(log)});
    } else if (rig_.cancelled()) {
      result.verdict = Verdict::Skipped;
      result.reason = kInterruptedReason;
    }
    return result;
  }

  static TestResult conclude_as(Verdict verdict, std::string reason) {
    TestResult result;
    result.verdict = verdict;
    result.reason = std::move(reason);
    return result;
  }

  RunContext& run_;
  Rig& rig_;
  TimeLeft& time_left_;
  Progress& progress_;
  record::ModelResult result_;
  bool unreachable_ = false;
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
  std::vector<ModelFacts> models;
  for (const auto& path : run.plan.models) {
    MOESTRESS_TRY(ModelFacts facts, read_model_facts(path, run.logger));
    const auto same =
        std::count_if(models.begin(), models.end(), [&](const auto& model) { return model.id == facts.id; });
    if (same > 0) facts.id += fmt::format("-{}", models.size() + 1);
    MOESTRESS_TRY(const store::ModelFile file, model_file(path));
    run.writer.add_model_file(file);
    models.push_back(std::move(facts));
  }
  std::vector<std::string_view> wanted;
  for (const Test& test : tests())
    if (run.plan.wants(test.id)) wanted.push_back(test.id);
  TimeLeft time_left(std::move(wanted), models.size());

  RunOutcome outcome;
  for (auto& facts : models) {
    if (run.cancelled) break;
    MOESTRESS_TRY(auto rig, Rig::create(run, std::move(facts)));
    ModelRun model(run, *rig, time_left, progress);
    const auto status = model.tests();
    model.conclude();
    outcome.unreachable = outcome.unreachable || model.unreachable();
    outcome.models.push_back(model.take());
    if (!status) return tl::unexpected(status.error());
  }
  outcome.interrupted = run.cancelled;
  outcome.verdict = record::verdict_of(outcome.models);
  return outcome;
}

}  // namespace moestress::protocol
