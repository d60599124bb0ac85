#pragma once

#include <cstddef>
#include <span>

namespace moestress::quality {

/// Index of the largest logit; the lowest of equal ones. The row is not empty.
std::size_t top_token(std::span<const float> logits);

/// How much the largest logit leads the next, in nats; 0 with fewer than two.
double top_margin_nats(std::span<const float> logits);

/// What two models' distributions over the next token have in common. Natural logarithms.
struct RowComparison {
  std::size_t baseline_top = 0;
  std::size_t other_top = 0;
  double kl_nats = 0;         ///< KL(baseline ‖ other) = Σ p_b (log p_b − log p_o)
  double margin_nats = 0;     ///< the baseline's log p of its own top token minus that of the other's
  double baseline_log_p = 0;  ///< of the text's own next token
  double other_log_p = 0;
};

/// Rows are of one length, not empty, and finite; `token` is below their length.
RowComparison compare_rows(std::span<const float> baseline, std::span<const float> other, std::size_t token);

}  // namespace moestress::quality
