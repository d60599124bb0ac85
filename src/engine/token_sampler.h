#pragma once

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/random.h"
#include "engine/model.h"
#include "record/request.h"

namespace moestress::engine {

/// Chooses the next token from logits. The same sampling, seed and logits give the same tokens on every
/// platform. Owned by one generation; one thread.
class TokenSampler {
 public:
  /// `banned` tokens are never chosen (their logit counts as -∞).
  TokenSampler(const record::Sampling& sampling, std::vector<Token> banned);

  /// Temperature 0: the highest logit, of equal ones the lowest id. Else softmax(logits / temperature), of
  /// which the top_k likeliest are kept, of those the fewest whose probabilities reach top_p of what top_k
  /// left; a seeded draw. Logits that aren't finite are never chosen; nothing is returned if none is finite.
  std::optional<Token> sample(std::span<const float> logits);

 private:
  struct Candidate {
    float logit;
    Token token;
  };

  std::optional<Token> greedy() const;
  void keep_top_k();
  void keep_top_p();
  Token draw();

  record::Sampling sampling_;
  std::vector<Token> banned_;  ///< ascending
  base::Random random_;
  std::vector<Candidate> candidates_;
};

struct TokenLogprobs {
  float chosen = 0;
  std::vector<std::pair<Token, float>> top;  ///< likeliest first, of equal ones the lowest id first
};

/// Natural logarithms of softmax(logits): of the chosen token and the `n` likeliest.
TokenLogprobs logprobs_of(std::span<const float> logits, Token chosen, int n);

}  // namespace moestress::engine
