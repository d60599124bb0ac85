// 1.2 generation: replies of 50, 100 and 150 tokens; tokens counted by the model's own tokenizer and held
// against what the server says of itself; finish reason, valid UTF-8, no empty reply.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/text.h"
#include "load/latency.h"
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

}  // namespace

record::TestResult test_1_2_generation(Rig& rig) {
  ResultBuilder result;
  record::Table table{
      "Replies by length asked for",
      {"tokens asked", "replies", "TTFT p50 ms", "decode tok/s", "tokens counted", "tokens claimed"},
      {},
      {},
      "table"};
  std::vector<Outcome> all;
  std::int64_t faults = 0;
  for (const int length : rig.sizes().generation_lengths) {
    workload::RequestShape shape;
    shape.max_tokens = length;
    shape.ignore_eos = true;
    const auto count = static_cast<std::size_t>(rig.sizes().generation_prompts);
    std::vector<record::Request> requests;
    for (std::size_t i = 0; i < count; ++i) {
      const auto set = workload::prompts(
          workload::kDomains[(i + static_cast<std::size_t>(length)) % workload::kDomains.size()]);
      requests.push_back(
          workload::make_request(set[i % set.size()], rig.request_ids().next(), rig.next_session(), shape));
    }
    auto load = rig.closed_loop("1.2", {std::move(requests)});
    std::int64_t counted = 0, claimed = 0;
    for (const Outcome& outcome : load.outcomes) {
      if (const auto fault = reply_fault(rig, outcome, length)) {
        ++faults;
        result.finding("error", fmt::format("{} tokens, {}: {}", length, outcome.label, *fault));
        result.judge(Verdict::Fail, fmt::format("{} tokens, {}: {}", length, outcome.label, *fault));
      }
      counted += outcome.completion_tokens;
      claimed += outcome.claims.completion_tokens.value_or(0);
    }
    const auto metrics = load::latency_metrics(load.outcomes);
    const auto value = [&](const char* name) {
      const auto found = metrics.find(name);
      return found == metrics.end() ? std::nan("") : found->second.value;
    };
    table.rows.push_back({static_cast<double>(length), static_cast<double>(load.outcomes.size()),
                          value("ttft_ms_p50"), value("decode_tok_s_mean"), static_cast<double>(counted),
                          static_cast<double>(claimed)});
    std::move(load.outcomes.begin(), load.outcomes.end(), std::back_inserter(all));
    if (rig.cancelled()) break;
  }
  result.metrics(load::latency_metrics(all));
  result.metric("replies_faulty", static_cast<double>(faults), "", static_cast<std::int64_t>(all.size()));
  result.table(std::move(table));
  if (rig.facts().random_weights)
    result.finding(
        "info",
        "random weights: tokens are held against the bound of each reply, since no tokenizer would spell "
        "its text as it was sampled");
  result.judge(Verdict::Pass,
               fmt::format("{} replies, each complete, valid UTF-8, with the tokens that the server claims",
                           all.size()));
  return result.take();
}

}  // namespace moestress::protocol
