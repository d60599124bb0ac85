#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "record/outcome.h"
#include "record/result.h"

namespace moestress::load {

/// The latencies of a set of outcomes, in ms. Only outcomes that are ok count; one that lacks what a figure
/// needs (no text, one token) is absent from that figure, so the vectors differ in length.
struct LatencyFigures {
  std::vector<double> ttft_ms;       ///< first text − planned start, one for each outcome
  std::vector<double> ttft_send_ms;  ///< first text − sent
  std::vector<double> itl_ms;        ///< gaps between consecutive chunks, of all outcomes together
  std::vector<double> tpot_ms;       ///< (last text − first text) / (tokens − 1), one for each outcome
  std::vector<double> e2e_ms;        ///< done − planned start
  std::vector<double> decode_tok_s;  ///< (tokens − 1) / (last text − first text), one for each outcome
};

LatencyFigures latency_figures(std::span<const record::Outcome> outcomes);

/// (tokens − 1) / (last_text − first_text). Absent below two counted tokens or where both came at once.
std::optional<double> decode_tok_s(const record::Outcome& outcome);

/// ttft_ms_{p50,p90,p99}, ttft_send_ms_p50, itl_ms_{p50,p90,p99}, tpot_ms_mean, e2e_ms_{p50,p99},
/// decode_tok_s_mean, requests_ok, requests_failed (Cancelled ones are neither), completion_tokens. Each with
/// n, and with its 95 % interval where its samples are independent: not for ITL, whose gaps come in
/// sequences. A figure without a sample is absent.
record::Metrics latency_metrics(std::span<const record::Outcome> outcomes);

/// Decode speed in one window.
struct WindowSpeed {
  base::Duration end{0};  ///< when the window ended, an offset from the epoch
  double tok_s = 0;
};

/// Decode speed in sliding windows of decode time: a session's replies, first to last text of each, are put
/// end to end, so that neither prefill nor think time counts as slow decoding, and a stall within a reply
/// does. Windows start every `step`; of several sessions each has its own. A reply's counted tokens are laid
/// to its chunks by their bytes; those of its first chunk were prefill's and count in no window. Replies
/// count whatever their ending, if their tokens were counted. By `end`.
std::vector<WindowSpeed> window_speeds(std::span<const record::Outcome> outcomes, base::Duration width,
                                       base::Duration step);

/// decode_tok_s_min: the slowest of window_speeds with a step of 1 s; n is the number of windows. Absent when
/// no session decoded for as long as one window.
std::optional<record::Metric> decode_tok_s_min(std::span<const record::Outcome> outcomes,
                                               base::Duration width = std::chrono::seconds(60));

}  // namespace moestress::load
