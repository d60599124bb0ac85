#include "protocol/free_answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "base/text.h"
#include "protocol/baseline_server.h"
#include "protocol/failure.h"
#include "protocol/scoring.h"
#include "protocol/text_pairs.h"

namespace moestress::protocol {
namespace {

using record::Verdict;
using Sessions = std::vector<std::vector<record::Request>>;

constexpr std::size_t kLongTextsMax = 8;

}  // namespace

Questions questions_of(const workload::PromptLibrary& library, const plan::TestParameters& sizes,
                       bool random_weights) {
  Questions questions;
  questions.prompts = library.shortest(static_cast<std::size_t>(sizes.consistency_prompts));
  if (random_weights) return questions;  // of what says nothing neither facts nor coherence are judged
  const auto count = static_cast<std::size_t>(sizes.consistency_facts);
  questions.facts = workload::questions_in_turn(workload::kSubjects, count);  // easy ones first
  questions.facts.resize(std::min(questions.facts.size(), count));
  const auto set = library.of(workload::Domain::Creative);
  std::vector<workload::Prompt> prose(set.begin(), set.end());
  std::stable_sort(prose.begin(), prose.end(), [](const workload::Prompt& a, const workload::Prompt& b) {
    return a.text.size() < b.text.size();
  });
  prose.resize(std::clamp<std::size_t>(questions.prompts.size() / 10, 1, kLongTextsMax));
  questions.long_ones = std::move(prose);
  return questions;
}

namespace {

/// The replies of one side, in the order of the questions.
struct Answers {
  Texts prompts, facts, facts_again, long_ones;
};

/// Freely generated, without logits: what a side says by itself. `twice`: the facts once more, as an A/A
/// floor.
base::Result<Answers> answers_of(Rig& rig, ScoringJob job, const Questions& questions, bool twice) {
  const plan::TestParameters& sizes = rig.sizes();
  const auto add = [&job](const std::string& id, const std::string& text, int tokens) {
    job.texts.push_back({id, text, true, tokens});
  };
  for (const auto& prompt : questions.prompts) add(prompt.id, prompt.text, sizes.consistency_tokens);
  for (const auto& fact : questions.facts) add(fact.id, fact.text, kFactTokens);
  for (const auto& prompt : questions.long_ones)
    add("long-" + prompt.id, prompt.text, sizes.consistency_long_tokens);
  if (twice)
    for (const auto& fact : questions.facts) add(fact.id + "-again", fact.text, kFactTokens);
  job.generate = sizes.consistency_tokens;
  job.logits = false;
  job.context_tokens =
      std::max(job.context_tokens, (questions.long_ones.empty() ? 0 : sizes.consistency_long_tokens) + 512);
  MOESTRESS_TRY(const std::string path, run_scoring(rig, job));
  MOESTRESS_TRY(const auto replies, replies_in(rig, path));
  if (replies.texts.size() != job.texts.size())
    return base::fail(base::ErrorCode::Format, "{}: has {} replies to {} questions", path,
                      replies.texts.size(), job.texts.size());
  Answers answers;
  auto next = replies.texts.begin();
  const auto take = [&next](std::size_t count) {
    next += static_cast<std::ptrdiff_t>(count);
    return Texts(next - static_cast<std::ptrdiff_t>(count), next);
  };
  answers.prompts = take(questions.prompts.size());
  answers.facts = take(questions.facts.size());
  answers.long_ones = take(questions.long_ones.size());
  if (twice) answers.facts_again = take(questions.facts.size());
  return answers;
}

}  // namespace

base::Status compare_free_answers(Rig& rig, const Texts& baseline_texts, ResultBuilder& result) {
  const bool random = rig.facts().random_weights;
  const Questions questions = questions_of(rig.prompts(), rig.sizes(), random);
  MOESTRESS_TRY(const Answers b, answers_of(rig, placement_job(rig, "offloaded-free"), questions, false));
  note_texts(baseline_texts, b.prompts, "ab", result);
  if (random) {
    result.finding("info", "the model's weights are random: facts and coherence are not looked at");
    return {};
  }
  Questions of_baseline = questions;
  of_baseline.prompts.clear();  // it has answered those
  MOESTRESS_TRY(const Answers a, answers_of(rig, baseline_job(rig, "gpu-only-free"), of_baseline, true));
  note_texts(a.facts, a.facts_again, "aa", result);
  note_facts(questions.facts, {"baseline", a.facts}, {"baseline_again", a.facts_again}, "aa", result);
  note_facts(questions.facts, {"baseline", a.facts}, {"offloaded", b.facts}, "ab", result);
  note_coherence({{"baseline", a.long_ones}, {"offloaded", b.long_ones}}, result);
  return {};
}

namespace {

/// The requests of one round over HTTP, in the order of the questions.
std::vector<record::Request> requests_of(Rig& rig, const Questions& questions) {
  std::vector<record::Request> requests;
  const base::SessionId session = rig.next_session();
  const auto add = [&](const workload::Prompt& prompt, int tokens) {
    workload::RequestShape shape;
    shape.max_tokens = tokens;
    requests.push_back(workload::make_request(prompt, rig.request_ids().next(), session, shape));
  };
  for (const auto& prompt : questions.prompts) add(prompt, rig.sizes().consistency_tokens);
  for (const auto& fact : questions.facts) {
    add({fact.id, workload::Domain::Science, fact.text}, kFactTokens);
    requests.back().label = "fact";
  }
  for (const auto& prompt : questions.long_ones) add(prompt, rig.sizes().consistency_long_tokens);
  return requests;
}

/// A round's replies; a failed request leaves an empty text and is a finding of its own.
template <class Run>
Answers ask(Rig& rig, const Questions& questions, const std::string& side, Run run, ResultBuilder& result) {
  auto requests = requests_of(rig, questions);
  std::unordered_map<base::RequestId, std::size_t> place;
  for (std::size_t i = 0; i < requests.size(); ++i) place[requests[i].id] = i;
  Texts texts(requests.size());
  for (auto& outcome : run(Sessions{std::move(requests)}).outcomes) {
    if (const auto failure = failure_of(outcome)) {
      const std::string text = fmt::format("a request to the {} {}", side, base::printable(*failure));
      if (side == "target") result.judge(Verdict::Fail, text);
      if (side != "target") result.finding("error", text);
    }
    texts[place.at(outcome.request)] =
        outcome.text.substr(std::min(outcome.reasoning_bytes, outcome.text.size()));
  }
  const auto facts = texts.begin() + static_cast<std::ptrdiff_t>(questions.prompts.size());
  const auto long_ones = facts + static_cast<std::ptrdiff_t>(questions.facts.size());
  return {{texts.begin(), facts}, {facts, long_ones}, {}, {long_ones, texts.end()}};
}

}  // namespace

void compare_texts_over_http(Rig& rig, ResultBuilder& result) {
  result.finding("info",
                 "a server of another kind shows no logits and no routing: only its texts are compared");
  if (const auto status = rig.ensure_target(); !status) {
    result.judge(Verdict::Skipped, status.error().message);
    return;
  }
  const Questions questions = questions_of(rig.prompts(), rig.sizes(), rig.facts().random_weights);
  const auto of_target = [&](Sessions sessions) { return rig.closed_loop("6.1", std::move(sessions)); };
  const Answers first = ask(rig, questions, "target", of_target, result);
  const Answers second = ask(rig, questions, "target", of_target, result);
  note_texts(first.prompts, second.prompts, "aa", result);
  note_facts(questions.facts, {"target", first.facts}, {"target_again", second.facts}, "aa", result);
  std::vector<LongTexts> long_texts{{"target", first.long_ones}};
  std::string compared =
      "compared as text; GPU-only against offloaded needs a server that plays it "
      "(--baseline-target), or the engine (run without --spawn or --target)";
  if (!rig.plan().target.baseline_url.empty()) {
    const auto server = BaselineServer::attach(rig);
    if (!server) {
      result.finding("error", server.error().message);
    } else {
      const auto of_baseline = [&](Sessions sessions) { return (*server)->closed_loop(std::move(sessions)); };
      const Answers baseline = ask(rig, questions, "baseline", of_baseline, result);
      note_texts(baseline.prompts, first.prompts, "ab", result);
      note_facts(questions.facts, {"baseline", baseline.facts}, {"target", first.facts}, "ab", result);
      long_texts.insert(long_texts.begin(), {"baseline", baseline.long_ones});
      compared =
          "and of the baseline's server, compared as text: that alone decides nothing (6.2 compares "
          "outcomes)";
    }
  }
  note_coherence(long_texts, result);
  result.judge(Verdict::Inconclusive, "the same requests twice, " + compared);
}

}  // namespace moestress::protocol
