#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "protocol/context_limit.h"
#include "protocol/result_builder.h"
#include "protocol/rig.h"
#include "record/outcome.h"
#include "record/request.h"
#include "workload/needles.h"

namespace moestress::protocol {

/// What 2.3 and S4 alike do to a slot's context: learn its limit, fill it to an exact length, go one token
/// past it, and come back with a short request. Borrows the rig; one thread.
class ContextProbe {
 public:
  /// Starts a server of ours with the context that the plan wants filled, and sends one short request, which
  /// warms up and tells how the server counts. Errors: of starting; Unreachable where it answers no short
  /// request; Cancelled.
  static base::Result<ContextProbe> start(Rig& rig, std::string test_id);

  const ContextLimit& limit() const { return limit_; }
  bool alive() const { return rig_->has_target() && !rig_->target().death() && !rig_->cancelled(); }

  /// Tokens of a prompt as the server counts them, with its template.
  std::int64_t count(std::string_view prompt) const;
  /// A prompt of exactly `tokens` tokens of filler.
  base::Result<std::string> filler(std::int64_t tokens, std::string_view seed_purpose) const;
  /// The same with needles and a question behind it; without the question, so that others can be asked.
  base::Result<std::string> haystack(std::int64_t tokens, std::string_view seed_purpose,
                                     std::vector<workload::Needle> needles, std::string question) const;
  record::Request request(std::string prompt, int reply_tokens, const std::string& label) const;

  /// Sets `lagged`, if it is given, to whether our own client was too late for the times to count. Errors:
  /// Cancelled when the run was interrupted; TargetDied.
  base::Result<record::Outcome> ask(record::Request request, bool* lagged = nullptr);
  /// Makes and asks; anew, from another prompt, as long as our own client lagged, up to three times. Then the
  /// test is INVALID. Errors: Cancelled, and those of `make`.
  base::Result<record::Outcome> ask_timed(
      const std::function<base::Result<record::Request>(int attempt)>& make, ResultBuilder& result);
  /// TTFT in ms of `count` short requests, one after the other. Errors: Cancelled; Unreachable with how one
  /// failed.
  base::Result<std::vector<double>> short_requests(std::size_t count);
  /// One token past the limit, judged; notes its metrics and findings. True if it was refused cleanly and a
  /// short request after it was answered.
  bool check_overflow(ResultBuilder& result);

  /// The most private memory since `began`, one fresh sample included; absent if there is no process to see.
  std::optional<double> private_bytes_peak(base::Duration began);

 private:
  ContextProbe(Rig& rig, std::string test_id) : rig_(&rig), test_id_(std::move(test_id)) {}
  base::Status find_limit();
  base::Status warm_up();
  std::int64_t own_count(std::string_view prompt) const;

  Rig* rig_;
  std::string test_id_;
  ContextLimit limit_;
  std::string lag_reason_;  ///< of the last request
  record::Endpoint endpoint_ = record::Endpoint::Completion;
};

/// What 2.3 and S4 report of a fill.
struct FillSpeed {
  double tokens = 0;   ///< of the prompt
  double ttft_ms = 0;  ///< from the planned start
  double prefill_tok_s = 0;
  std::optional<double> decode_tok_s;
};
/// Absent where no text came.
std::optional<FillSpeed> fill_speed(const record::Outcome& outcome, std::int64_t prompt_tokens);

/// "TTFT 700 ms at 56 tokens and 1500 ms at 120, prefill 80.0 and 80.1 tok/s, decode 44.0 and 41.2 tok/s".
std::string speed_clause(const std::optional<FillSpeed>& first, const std::optional<FillSpeed>& last);

/// The context that 2.3 and S4 fill on a server of ours.
int context_to_fill(const plan::Plan& plan, const ModelFacts& facts);

/// As a test is concluded by an error of ContextProbe: FAIL where the server gives no answer, INCONCLUSIVE
/// where a prompt could not be made.
void judge_error(const base::Error& error, ResultBuilder& result);

}  // namespace moestress::protocol
