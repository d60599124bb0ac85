#include "protocol/context_limit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "protocol/failure.h"
#include "target/decoder.h"

namespace moestress::protocol {
namespace {

using record::Ending;
using record::Verdict;

/// The most that a template and a start token add to a short prompt.
constexpr std::int64_t kTemplateTokensMax = 256;
constexpr int kMarginTokens = 16;
constexpr int kMarginDivisor = 50;

std::optional<int> positive(const nlohmann::json& json, const char* pointer) {
  const nlohmann::json::json_pointer at(pointer);
  if (!json.contains(at) || !json.at(at).is_number_integer()) return std::nullopt;
  const auto tokens = json.at(at).get<std::int64_t>();
  if (tokens <= 0 || tokens > (1 << 28)) return std::nullopt;
  return static_cast<int>(tokens);
}

}  // namespace

std::optional<int> context_tokens_told(std::string_view json) {
  const auto document = nlohmann::json::parse(json, nullptr, false);
  if (document.is_discarded()) return std::nullopt;
  for (const char* pointer : {"/default_generation_settings/n_ctx", "/data/0/max_model_len"})
    if (const auto tokens = positive(document, pointer)) return tokens;
  return std::nullopt;
}

void learn_count(ContextLimit& limit, std::int64_t counted, std::optional<std::int64_t> claimed) {
  if (claimed && *claimed > 0 && std::llabs(*claimed - counted) <= kTemplateTokensMax) {
    limit.offset = *claimed - counted;
    limit.margin = 0;
    return;
  }
  limit.offset = 0;
  limit.margin = kMarginTokens + limit.tokens / kMarginDivisor;
}

OverflowJudgement judge_overflow(const record::Outcome& outcome, const ContextLimit& limit,
                                 std::int64_t counted) {
  const std::string said = base::printable(outcome.detail, 200);
  OverflowJudgement judgement;
  switch (outcome.ending) {
    case Ending::Http4xx: {
      const bool about_size =
          outcome.http_status == 400 || outcome.http_status == 413 || outcome.http_status == 422;
      judgement.vague = !target::is_context_overflow(outcome);
      judgement.text = fmt::format("is refused with HTTP {}: {}", outcome.http_status, said);
      if (judgement.vague && !about_size) judgement.verdict = Verdict::Inconclusive;
      if (judgement.vague && said.empty()) {
        judgement.verdict = Verdict::Fail;
        judgement.text = fmt::format("is refused with HTTP {} without a word of why", outcome.http_status);
      }
      return judgement;
    }
    case Ending::Complete: {
      const auto claimed = outcome.claims.prompt_tokens;
      const bool read_all = claimed && *claimed >= counted;
      judgement.verdict = !limit.told && read_all ? Verdict::Inconclusive : Verdict::Fail;
      judgement.text = fmt::format("is answered as if nothing were wrong");
      if (claimed) judgement.text += fmt::format("; the server says that it read {} of it", *claimed);
      if (!limit.told)
        judgement.text += ". If its context is larger, set target.context_tokens to what it is";
      return judgement;
    }
    case Ending::Cancelled:
      judgement.verdict = Verdict::Inconclusive;
      judgement.text = "was not asked to its end";
      return judgement;
    default:
      judgement.verdict = Verdict::Fail;
      judgement.text = failure_of(outcome).value_or("") + ", where a clean HTTP 4xx was due";
      return judgement;
  }
}

}  // namespace moestress::protocol
