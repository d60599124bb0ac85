// 6.2 reasoning: tasks made from the seed and graded by a program, asked of the target over HTTP, and of the
// baseline; what the two sides solve is compared in pairs. Accuracy alone gets no verdict: a small model
// solves little, soundly.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "base/random.h"
#include "base/text.h"
#include "protocol/baseline_server.h"
#include "protocol/failure.h"
#include "protocol/result_builder.h"
#include "protocol/scoring.h"
#include "protocol/task_grading.h"
#include "protocol/tests.h"
#include "quality/outcome_pairs.h"
#include "stats/interval.h"
#include "workload/tasks.h"

namespace moestress::protocol {
namespace {

using quality::OutcomePairs;
using record::Verdict;
using workload::Task;

constexpr std::size_t kFindingsMax = 12;
/// Tasks that the baseline must solve: were all of them lost, and none won, McNemar would tell.
constexpr std::int64_t kBaselineRightMin = 6;

/// The same for every model of a run, so that models can be compared, and what `moestress tasks` shows.
std::vector<Task> all_tasks(const plan::Plan& plan) {
  std::vector<Task> tasks;
  const auto& wanted = plan.tests.reasoning_families;
  for (const auto family : workload::kTaskFamilies) {
    if (!wanted.empty() &&
        std::find(wanted.begin(), wanted.end(), workload::to_string(family)) == wanted.end())
      continue;
    for (auto& task : workload::make_tasks(family, plan.tests.reasoning_difficulty,
                                           static_cast<std::size_t>(plan.tests.reasoning_tasks),
                                           base::derive_seed(plan.seed, "6.2/tasks")))
      tasks.push_back(std::move(task));
  }
  return tasks;
}

record::Request request_of(const Task& task, base::RequestId id, base::SessionId session, int tokens) {
  record::Request request;
  request.id = id;
  request.session = session;
  request.label = workload::to_string(task.family);
  request.messages = {{"user", task.prompt}};
  request.max_tokens = tokens;
  return request;
}

/// A reply to each task; absent where none came.
struct TaskReplies {
  std::vector<std::optional<std::string>> texts;
  std::int64_t failed = 0;
  std::int64_t cut_off = 0;  ///< at the bound of tokens
  std::string first_failure;
};

/// Asks all tasks of a server, as many at once as it has slots.
template <class Run>
TaskReplies ask(Rig& rig, const std::vector<Task>& tasks, Run run) {
  const auto slots = std::min<std::size_t>(static_cast<std::size_t>(rig.plan().target.slots), tasks.size());
  std::vector<std::vector<record::Request>> sessions(slots);
  std::vector<base::SessionId> ids;
  for (std::size_t i = 0; i < slots; ++i) ids.push_back(rig.next_session());
  std::unordered_map<base::RequestId, std::size_t> task_of;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const auto id = rig.request_ids().next();
    task_of[id] = i;
    sessions[i % slots].push_back(request_of(tasks[i], id, ids[i % slots], rig.sizes().reasoning_tokens));
  }
  TaskReplies replies;
  replies.texts.resize(tasks.size());
  for (record::Outcome& outcome : run(std::move(sessions)).outcomes) {
    if (const auto failure = failure_of(outcome)) {
      ++replies.failed;
      if (replies.first_failure.empty()) replies.first_failure = *failure;
    }
    if (!outcome.ok()) continue;
    replies.cut_off += outcome.finish_reason == "length" ? 1 : 0;
    replies.texts[task_of.at(outcome.request)] =
        outcome.text.substr(std::min(outcome.reasoning_bytes, outcome.text.size()));
  }
  return replies;
}

/// The baseline's replies by the engine itself, with the same tasks in the same template.
base::Result<TaskReplies> baseline_of_engine(Rig& rig, const std::vector<Task>& tasks) {
  rig.stop_target();  // a model in memory twice may not fit
  ScoringJob job = baseline_job(rig, "tasks-gpu-only");
  for (const Task& task : tasks) job.texts.push_back({task.id, task.prompt, true});
  job.generate = rig.sizes().reasoning_tokens;
  job.until_end = true;
  job.logits = false;
  job.slots = rig.plan().target.slots;
  job.context_tokens = rig.plan().target.context_tokens;
  MOESTRESS_TRY(const std::string path, run_scoring(rig, job));
  MOESTRESS_TRY(auto read, replies_in(rig, path));
  if (read.texts.size() != tasks.size())
    return base::fail(base::ErrorCode::Format, "{}: has {} replies to {} tasks", path, read.texts.size(),
                      tasks.size());
  TaskReplies replies;
  for (std::string& text : read.texts) replies.texts.emplace_back(std::move(text));
  return replies;
}

base::Result<TaskReplies> baseline_of_server(Rig& rig, const std::vector<Task>& tasks) {
  MOESTRESS_TRY(const auto server, BaselineServer::attach(rig));
  return ask(rig, tasks, [&](auto sessions) { return server->closed_loop(std::move(sessions)); });
}

/// Why there is nothing to compare with; absent where there is.
std::optional<std::string> no_baseline(const Rig& rig) {
  if (!rig.plan().target.baseline_url.empty()) return std::nullopt;
  if (!rig.embedded())
    return "nothing plays GPU-only beside a server of another kind: name one with --baseline-target";
  if (cpu_plays_gpu(rig)) return std::nullopt;
  if (!rig.has_device()) return "there is no GPU here: everything is on the CPU in both placements";
  const auto& layers = rig.facts().topology.moe_layers;
  if (std::none_of(layers.begin(), layers.end(), [&](int layer) { return rig.placement().on_cpu(layer); }))
    return fmt::format("with experts \"{}\" nothing is offloaded", rig.placement().name);
  return std::nullopt;
}

/// One family's counts, or those of all.
struct Tally {
  std::int64_t graded = 0;
  std::int64_t right = 0;
  std::int64_t unanswered = 0;
  double chance = 0;  ///< sum over tasks
  std::int64_t baseline_right = 0;
  OutcomePairs pairs = {};

  void add(const Task& task, const TaskOutcome& target, const std::optional<TaskOutcome>& baseline) {
    if (!target.right) return;
    ++graded;
    right += *target.right ? 1 : 0;
    unanswered += target.answered ? 0 : 1;
    chance += task.chance;
    if (!baseline || !baseline->right) return;
    baseline_right += *baseline->right ? 1 : 0;
    pairs.add(*baseline->right, *target.right);
  }
  double share(double count) const { return graded == 0 ? 0 : count / static_cast<double>(graded); }
  double accuracy() const { return share(static_cast<double>(right)); }
  stats::Interval wilson() const {
    return stats::wilson(static_cast<double>(right), static_cast<double>(graded));
  }
};

void note_flip(const Task& task, const TaskOutcome& target, const TaskOutcome& baseline, std::size_t& told,
               ResultBuilder& result) {
  if (!target.right || !baseline.right || *target.right == *baseline.right || told >= kFindingsMax) return;
  ++told;
  const std::string wanted =
      task.form == workload::AnswerForm::Code ? "code that passes" : fmt::format("\"{}\"", task.answer);
  result.finding(*target.right ? "info" : "warning",
                 fmt::format("{} {}: right is {}; the baseline gave \"{}\", the target \"{}\"", task.id,
                             *target.right ? "won" : "lost", wanted, baseline.shown, target.shown));
}

void note_tally(const Tally& tally, const std::string& suffix, bool compared, ResultBuilder& result) {
  if (tally.graded == 0) return;
  result.metric("task_accuracy" + suffix, tally.accuracy(), "", tally.graded, tally.wilson());
  result.metric("task_accuracy_chance" + suffix, tally.share(tally.chance), "", tally.graded);
  result.metric("tasks_unanswered" + suffix, static_cast<double>(tally.unanswered), "", tally.graded);
  if (!compared || tally.pairs.pairs() == 0) return;
  const std::int64_t n = tally.pairs.pairs();
  const auto baseline = static_cast<double>(tally.baseline_right);
  result.metric("task_accuracy_baseline" + suffix, baseline / static_cast<double>(n), "", n,
                stats::wilson(baseline, static_cast<double>(n)));
  result.metric("task_flips" + suffix, static_cast<double>(tally.pairs.flips()), "", n);
}

std::vector<double> table_row(const Tally& tally) {
  const auto interval = tally.wilson();
  constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();
  const bool pairs = tally.pairs.pairs() > 0;
  return {static_cast<double>(tally.graded),
          100 * tally.accuracy(),
          100 * interval.lo,
          100 * interval.hi,
          100 * tally.share(tally.chance),
          static_cast<double>(tally.unanswered),
          pairs ? 100 * static_cast<double>(tally.baseline_right) / static_cast<double>(tally.pairs.pairs())
                : kAbsent,
          pairs ? static_cast<double>(tally.pairs.lost) : kAbsent,
          pairs ? static_cast<double>(tally.pairs.won) : kAbsent};
}

/// Grades both sides, notes families and flips, and gives the counts of all.
Tally note_outcomes(const std::vector<Task>& tasks, const TaskReplies& target,
                    const std::optional<TaskReplies>& baseline, TaskGrader& grader, ResultBuilder& result) {
  Tally all;
  std::unordered_map<std::string, Tally> families;
  std::size_t told = 0;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (!target.texts[i]) continue;
    const TaskOutcome mine = grader.grade(tasks[i], *target.texts[i]);
    std::optional<TaskOutcome> other;
    if (baseline && baseline->texts[i]) other = grader.grade(tasks[i], *baseline->texts[i]);
    all.add(tasks[i], mine, other);
    families[workload::to_string(tasks[i].family)].add(tasks[i], mine, other);
    if (other) note_flip(tasks[i], mine, *other, told, result);
  }
  record::Table table{"Tasks by family",
                      {"tasks", "right %", "at least %", "at most %", "by guessing %", "unanswered",
                       "baseline right %", "lost", "won"},
                      {},
                      {},
                      "table"};
  for (const auto family : workload::kTaskFamilies) {
    const auto found = families.find(workload::to_string(family));
    if (found == families.end()) continue;
    note_tally(found->second, "_" + found->first, baseline.has_value(), result);
    table.rows.push_back(table_row(found->second));
    table.row_labels.push_back(found->first);
  }
  note_tally(all, "", baseline.has_value(), result);
  table.rows.push_back(table_row(all));
  table.row_labels.emplace_back("all");
  result.table(std::move(table));
  return all;
}

/// FAIL where the target solves significantly less than the baseline, PASS where their outcomes are the same
/// within C4's limit. Flips either way alike are no damage, but not consistent either.
void judge(const Rig& rig, const Tally& all, ResultBuilder& result) {
  const OutcomePairs& pairs = all.pairs;
  const double limit = rig.plan().thresholds.c4_agreement_min;
  const auto interval = pairs.unflipped_wilson();
  result.metric("tasks_lost", static_cast<double>(pairs.lost), "", pairs.pairs());
  result.metric("tasks_won", static_cast<double>(pairs.won), "", pairs.pairs());
  result.metric("task_mcnemar_p", pairs.p(), "", pairs.pairs());
  result.metric("task_outcomes_unflipped", pairs.unflipped(), "", pairs.pairs(), interval);
  std::string text = fmt::format(
      "{} of {} tasks right ({:.0f} % by guessing), {} by the baseline; {} lost and {} won, McNemar p = "
      "{:.2g}; "
      "{:.1f} % unflipped (95 % interval {:.1f} to {:.1f})",
      all.right, all.graded, 100 * all.share(all.chance), all.baseline_right, pairs.lost, pairs.won,
      pairs.p(), 100 * pairs.unflipped(), 100 * interval.lo, 100 * interval.hi);
  if (rig.embedded() && cpu_plays_gpu(rig)) text += "; GPU-only is played by the CPU with other kernels";
  if (pairs.worse()) {
    result.judge(Verdict::Fail, text + ": the target solves less than the baseline");
  } else if (nothing_is_offloaded(rig)) {
    result.judge(Verdict::Inconclusive, text + kNothingOffloaded);
  } else if (all.baseline_right < kBaselineRightMin) {
    result.judge(
        Verdict::Inconclusive,
        text + fmt::format(": a baseline that solves fewer than {} tasks has nothing to lose; take an "
                           "easier reasoning_difficulty or more reasoning_tasks",
                           kBaselineRightMin));
  } else if (interval.lo > limit) {
    result.judge(Verdict::Pass, text);
  } else if (interval.hi < limit) {
    result.judge(Verdict::Inconclusive, text +
                                            ": it solves no less, but outcomes flip more often than C4 "
                                            "allows; 6.1 tells damage from rounding");
  } else {
    const auto needed = pairs.pairs_needed(limit);
    result.judge(Verdict::Inconclusive,
                 text + (needed ? fmt::format(": {} pairs would do; take more reasoning_tasks", *needed)
                                : ": too few pairs to tell; take more reasoning_tasks"));
  }
}

std::optional<TaskReplies> baseline_replies(Rig& rig, const std::vector<Task>& tasks, ResultBuilder& result) {
  if (const auto why = no_baseline(rig)) {
    result.finding("info", "outcomes are not compared: " + *why);
    return std::nullopt;
  }
  auto replies = rig.plan().target.baseline_url.empty() ? baseline_of_engine(rig, tasks)
                                                        : baseline_of_server(rig, tasks);
  if (!replies) {
    result.finding("error", "the baseline gave no replies: " + replies.error().message);
    return std::nullopt;
  }
  if (replies->failed > 0)
    result.finding("warning", fmt::format("{} requests to the baseline failed; the first {}", replies->failed,
                                          replies->first_failure));
  return std::move(*replies);
}

}  // namespace

record::TestResult test_6_2_reasoning(Rig& rig) {
  ResultBuilder result;
  if (rig.facts().random_weights) {
    result.judge(Verdict::Skipped, "the model's weights are random: it solves no task");
    return result.take();
  }
  std::vector<Task> tasks = all_tasks(rig.plan());
  TaskGrader grader(result);
  std::erase_if(tasks, [&](const Task& task) { return !grader.can_grade(task); });
  const TaskReplies target =
      ask(rig, tasks, [&](auto sessions) { return rig.closed_loop("6.2", std::move(sessions)); });
  const auto asked = static_cast<std::int64_t>(tasks.size());
  result.metric("requests_failed", static_cast<double>(target.failed), "", asked);
  result.metric("tasks_cut_off", static_cast<double>(target.cut_off), "", asked);
  if (target.failed > 0)
    result.judge(Verdict::Fail, fmt::format("{} of {} requests failed; the first {}", target.failed, asked,
                                            base::printable(target.first_failure)));
  if (rig.cancelled()) return result.take();

  const auto baseline = baseline_replies(rig, tasks, result);
  const Tally all = note_outcomes(tasks, target, baseline, grader, result);
  if (all.pairs.pairs() > 0) {
    if (rig.embedded()) result.metric("baseline_on_cpu", cpu_plays_gpu(rig) ? 1 : 0, "", all.pairs.pairs());
    judge(rig, all, result);
  } else {
    result.judge(
        Verdict::Inconclusive,
        fmt::format("{} of {} tasks right ({:.0f} % by guessing), with no baseline to hold them against: {}",
                    all.right, all.graded, 100 * all.share(all.chance),
                    no_baseline(rig).value_or("it gave no replies, see the findings")));
  }
  return result.take();
}

Work work_6_2(const WorkInput& input) {
  Work work;
  if (input.facts.random_weights) {
    work.skipped = "random weights solve no task";
    return work;
  }
  const bool embedded = input.plan.target.spawn.empty() && input.plan.target.url.empty();
  for (const Task& task : all_tasks(input.plan)) {
    ++work.requests;
    work.prompt_tokens += std::max<std::int64_t>(
        0, input.facts.count_prompt_tokens(request_of(task, {}, {}, input.plan.tests.reasoning_tokens)));
  }
  work.reply_tokens = work.requests * input.plan.tests.reasoning_tokens;
  if (embedded) {
    work.scored_tokens = work.prompt_tokens + work.reply_tokens;
    work.starts = 1;
  }
  work.seconds = 2 * input.plan.tests.reasoning_tasks;  // code in the sandbox, of both sides
  return work;
}

}  // namespace moestress::protocol
