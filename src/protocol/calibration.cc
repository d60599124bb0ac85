#include "protocol/calibration.h"

#include <algorithm>

#include "base/text.h"
#include "load/latency.h"
#include "protocol/failure.h"
#include "workload/prompts.h"

namespace moestress::protocol {
namespace {

using record::Outcome;

constexpr base::Duration kPatience = std::chrono::seconds(45);  // for each of the two rounds
constexpr int kLongPromptTokens = 128;
constexpr int kReplyTokens = 24;
constexpr int kReplyTokensTogether = 16;
constexpr const char* kShortPrompt = "Tell me something about rivers.";

record::Request request_for(Rig& rig, std::string text, int reply_tokens) {
  const workload::Prompt prompt{"calibration", workload::Domain::Conversation, std::move(text)};
  auto request = workload::make_request(prompt, rig.request_ids().next(), rig.next_session(),
                                        rig.request_shape(reply_tokens));
  request.label = "calibration";
  return request;
}

base::Status check(const load::LoadResult& load, std::size_t wanted) {
  for (const Outcome& outcome : load.outcomes)
    if (outcome.ending != record::Ending::Cancelled)
      if (const auto failure = failure_of(outcome))
        return base::fail(base::ErrorCode::Unreachable, "a request of the calibration {}", *failure);
  if (load.outcomes.size() < wanted || load.unsent > 0)
    return base::fail(base::ErrorCode::Timeout, "the calibration's requests took over {}",
                      base::human_seconds(base::to_seconds(kPatience)));
  return {};
}

}  // namespace

base::Result<Speeds> calibrate(Rig& rig) {
  Speeds speeds;
  speeds.slots = rig.plan().target.slots;
  speeds.start_seconds = base::to_seconds(rig.target().ready_after());

  const int long_tokens = std::min(kLongPromptTokens, rig.plan().target.context_tokens / 4);
  const load::LoadResult lone = rig.closed_loop(
      kCalibrationId,
      {{request_for(rig, kShortPrompt, 2),  // touches pages and compiles what is compiled on first use
        request_for(rig, rig.facts().filler_text(long_tokens, rig.seed("calibration/prompt")), 2),
        request_for(rig, kShortPrompt, kReplyTokens)}},
      kPatience);
  MOESTRESS_TRY_STATUS(check(lone, 3));
  const Outcome& prompt = lone.outcomes[1];
  const Outcome& reply = lone.outcomes[2];
  const auto decode = load::decode_tok_s(reply);
  const double prefill_s = base::to_seconds(prompt.first_text - prompt.sent);
  const auto prompt_tokens =
      static_cast<double>(prompt.prompt_tokens > 0 ? prompt.prompt_tokens : long_tokens);
  if (!decode || prompt.first_text < base::Duration(0) || prefill_s <= 0)
    return base::fail(base::ErrorCode::Timeout,
                      "the calibration's replies are too short to take a speed from");
  speeds.decode_tok_s = *decode;
  speeds.prefill_tok_s = prompt_tokens / prefill_s;
  const auto seconds_alone = [&](const Outcome& outcome) {
    return static_cast<double>(std::max<std::int64_t>(0, outcome.prompt_tokens)) / speeds.prefill_tok_s +
           static_cast<double>(outcome.completion_tokens) / speeds.decode_tok_s;
  };
  speeds.request_seconds =
      std::clamp(base::to_seconds(reply.done - reply.sent) - seconds_alone(reply), 0.001, 1.0);

  if (speeds.slots <= 1) return speeds;
  std::vector<std::vector<record::Request>> sessions;
  for (int i = 0; i < speeds.slots; ++i)
    sessions.push_back({request_for(rig, kShortPrompt, kReplyTokensTogether)});
  const base::Duration began = rig.now();
  const load::LoadResult together = rig.closed_loop(kCalibrationId, std::move(sessions), kPatience);
  const double took = base::to_seconds(rig.now() - began);
  MOESTRESS_TRY_STATUS(check(together, 1));
  // What is left of the time when the prompts have been read is decoding.
  double decoding = took, alone = 0;
  for (const Outcome& outcome : together.outcomes) {
    decoding -= static_cast<double>(std::max<std::int64_t>(0, outcome.prompt_tokens)) / speeds.prefill_tok_s;
    alone += static_cast<double>(outcome.completion_tokens) / speeds.decode_tok_s;
  }
  speeds.parallel_gain =
      std::clamp(alone / std::max(decoding, alone / speeds.slots), 1.0, static_cast<double>(speeds.slots));
  return speeds;
}

}  // namespace moestress::protocol
