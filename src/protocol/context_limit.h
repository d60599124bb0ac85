#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "record/outcome.h"
#include "record/result.h"

namespace moestress::protocol {

/// How many tokens a prompt and its reply may have together, and how well that is known.
struct ContextLimit {
  int tokens = 0;     ///< of one slot
  bool told = false;  ///< by the server; else the plan says so
  /// What the server counts of a prompt beyond our own count, learned from a request; ours is exact where it
  /// serves with the same tokenizer and template.
  std::int64_t offset = 0;
  /// By how much the two counts may still differ: a prompt is kept that far from the limit on either side of
  /// it.
  int margin = 0;

  std::string source() const {
    return told ? "the server's limit" : "the limit in the plan (target.context_tokens)";
  }
};

/// The context of a slot as a server tells it: llama-server's /props (default_generation_settings.n_ctx) or
/// vLLM's /v1/models (max_model_len). Absent where the body tells none.
std::optional<int> context_tokens_told(std::string_view json);

/// Sets offset and margin from what the server claims (`usage`) to have read of a prompt that we counted as
/// `counted` tokens. A template's few tokens are an offset; without a claim, or with one that is far off, the
/// counts are taken to differ by up to 2 % and 16.
void learn_count(ContextLimit& limit, std::int64_t counted, std::optional<std::int64_t> claimed);

struct OverflowJudgement {
  record::Verdict verdict = record::Verdict::Pass;
  std::string text;    ///< "is answered by a clean HTTP 400: …"; completes "a prompt that …"
  bool vague = false;  ///< refused cleanly, in words that don't say why
};

/// Whether the answer to a prompt past the limit is what it must be: an HTTP 4xx that says so. `counted`:
/// tokens of the prompt. An answer as if nothing were wrong is FAIL, unless the limit is only the plan's and
/// the server says that it read all of the prompt: then its context is larger, and nothing is shown.
OverflowJudgement judge_overflow(const record::Outcome& outcome, const ContextLimit& limit,
                                 std::int64_t counted);

}  // namespace moestress::protocol
