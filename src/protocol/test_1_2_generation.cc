// 1.2 generation: replies of 50, 100 and 150 tokens; tokens counted by the model's own tokenizer and held
// against what the server says of itself; finish reason, valid UTF-8, no empty reply.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <unordered_map>

#include "base/text.h"
#include "protocol/result_builder.h"
#include "protocol/tests.h"

namespace moestress::protocol {
namespace {

using record::Outcome;
using record::Verdict;

/// How far a server's own count may be off ours before it is wrong: retokenizing a text differs from the
/// tokens that were sampled where a tokenizer has several ways to spell it.
std::int64_t count_tolerance(std::int64_t counted) { return std::max<std::int64_t>(2, counted / 50); }

std::optional<std::string> usage_fault(const Rig& rig, const Outcome& outcome, int max_tokens) {
  if (!outcome.claims.completion_tokens) return "the server does not say how many tokens it generated";
  const std::int64_t claimed = *outcome.claims.completion_tokens;
  if (outcome.finish_reason == "length" && claimed != max_tokens)
    return fmt::format("stopped at the bound of {} tokens, but the server counts {}", max_tokens, claimed);
  // Of random weights the bound above is the only exact count there is (see Rig::settle_tokens).
  if (!rig.facts().random_weights &&
      std::abs(claimed - outcome.completion_tokens) > count_tolerance(outcome.completion_tokens))
    return fmt::format("the server counts {} tokens, the model's tokenizer {}", claimed,
                       outcome.completion_tokens);
  if (claimed > static_cast<std::int64_t>(outcome.text.size()) + 8)
    return fmt::format("the server counts {} tokens in {} bytes of text", claimed, outcome.text.size());
  if (outcome.claims.prompt_tokens && outcome.prompt_tokens >= 0 &&
      std::abs(*outcome.claims.prompt_tokens - outcome.prompt_tokens) >
          count_tolerance(outcome.prompt_tokens))
    return fmt::format("the server counts {} prompt tokens, the model's tokenizer {}",
                       *outcome.claims.prompt_tokens, outcome.prompt_tokens);
  return std::nullopt;
}

std::optional<std::string> reply_fault(const Rig& rig, const Outcome& outcome, int max_tokens) {
  if (!outcome.ok()) return fmt::format("{}: {}", record::to_string(outcome.ending), outcome.detail);
  if (outcome.text.empty()) return "empty reply";
  if (!base::is_valid_utf8(outcome.text)) return "the reply is not valid UTF-8";
  if (outcome.finish_reason.empty()) return "no finish reason";
  return usage_fault(rig, outcome, max_tokens);
}

/// The requests for one length: prompts of all domains in turn.
std::vector<record::Request> requests_of_length(Rig& rig, int length) {
  const workload::RequestShape shape = rig.request_shape(length);
  std::vector<record::Request> requests;
  const auto session = rig.next_session();
  for (std::size_t i = 0; i < static_cast<std::size_t>(rig.sizes().generation_prompts); ++i) {
    const auto domain =
        workload::kDomains[(i + static_cast<std::size_t>(length)) % workload::kDomains.size()];
    const auto set = rig.prompts().of(domain);
    requests.push_back(workload::make_request(set[i % set.size()], rig.request_ids().next(), session, shape));
  }
  return requests;
}

}  // namespace

record::TestResult test_1_2_generation(Rig& rig) {
  ResultBuilder result;
  // One session for each length, side by side: this test counts tokens, it times nothing.
  std::vector<std::vector<record::Request>> sessions;
  std::unordered_map<std::int64_t, int> length_of_session;
  for (const int length : rig.sizes().generation_lengths) {
    sessions.push_back(requests_of_length(rig, length));
    length_of_session[sessions.back().front().session.value] = length;
  }
  const auto load = rig.closed_loop("1.2", std::move(sessions));

  std::map<int, std::array<double, 3>> by_length;  // replies, tokens counted, tokens claimed
  std::int64_t faults = 0;
  for (const Outcome& outcome : load.outcomes) {
    const int length = length_of_session.at(outcome.session.value);
    auto& row = by_length[length];
    row[0] += 1;
    row[1] += static_cast<double>(outcome.completion_tokens);
    row[2] += static_cast<double>(outcome.claims.completion_tokens.value_or(0));
    const auto fault = reply_fault(rig, outcome, length);
    if (!fault) continue;
    ++faults;
    result.finding("error", fmt::format("{} tokens, {}: {}", length, outcome.label, *fault));
    result.judge(Verdict::Fail, fmt::format("{} tokens, {}: {}", length, outcome.label, *fault));
  }
  const auto n = static_cast<std::int64_t>(load.outcomes.size());
  record::Table table{"Replies by length asked for",
                      {"tokens asked", "replies", "tokens counted", "tokens claimed"},
                      {},
                      {},
                      "table"};
  for (const auto& [length, row] : by_length)
    table.rows.push_back({static_cast<double>(length), row[0], row[1], row[2]});
  result.table(std::move(table));
  result.metric("replies_faulty", static_cast<double>(faults), "", n);
  if (rig.facts().random_weights)
    result.finding(
        "info",
        "random weights: tokens are held against the bound of each reply, since no tokenizer would spell "
        "its text as it was sampled");
  result.judge(
      Verdict::Pass,
      fmt::format("{} replies, each complete, valid UTF-8, with the tokens that the server claims", n));
  return result.take();
}

Work work_1_2(const WorkInput& input) {
  const auto& sizes = input.plan.tests;
  Work work;
  for (const int length : sizes.generation_lengths) {
    work.requests += sizes.generation_prompts;
    work.reply_tokens += static_cast<std::int64_t>(length) * sizes.generation_prompts;
  }
  work.prompt_tokens = std::llround(static_cast<double>(work.requests) * mean_prompt_tokens(input, 0));
  // The shorter sessions end first.
  const double longest = sizes.generation_lengths.back();
  work.parallel = static_cast<double>(work.reply_tokens) / (longest * sizes.generation_prompts);
  return work;
}

}  // namespace moestress::protocol
