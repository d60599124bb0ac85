// The clients of 4.2 that behave badly while their requests are well-formed: slow readers, and those that
// hang up.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "protocol/api_stress.h"
#include "protocol/failure.h"
#include "stats/interval.h"
#include "stats/quantile.h"
#include "target/slow_reader.h"

namespace moestress::protocol {
namespace {

using record::Outcome;
using record::Verdict;

constexpr int kSlowReplyTokens = 12;
constexpr int kTopLogprobs = 20;  // the largest reply for a token: what a slow reader leaves unread piles up
constexpr double kStallFactor = 3;
constexpr double kStallMarginMs = 1000;
constexpr double kFreedFactor = 2;
constexpr double kFreedMarginTokens = 10;  // a server may notice at its next write only
constexpr double kFreedMarginMs = 500;
constexpr double kIdlePatienceMs = 2000;
constexpr int kLooksAgain = 2;           // rounds, after the first that was late
constexpr double kLateRoundsMax = 0.20;  // 2 of 3 are more

base::Duration ms(double value) { return base::from_seconds(value / 1000); }

bool tells_logprobs(target::Dialect dialect) {
  return dialect == target::Dialect::Moestress || dialect == target::Dialect::LlamaServer ||
         dialect == target::Dialect::Vllm;
}

std::size_t slots_of(const Rig& rig) {
  return static_cast<std::size_t>(std::max(1, rig.plan().target.slots));
}

/// Slow readers in threads of their own, from construction until they are let go.
class SlowReaders {
 public:
  SlowReaders(Rig& rig, std::size_t count, base::Duration patience) : replies_(count) {
    for (std::size_t i = 0; i < count; ++i) {
      auto request = api_request(rig, kApiWays.front(), i, kSlowReplyTokens);
      if (tells_logprobs(rig.target().dialect())) request.top_logprobs = kTopLogprobs;
      threads_.emplace_back([this, i, &target = rig.target(), request, patience] {
        target::SlowReading how;
        how.patience = patience;
        how.hurry = &hurry_;
        replies_[i] = target.read_slowly(request, how);
      });
    }
  }
  std::vector<target::SlowReply> let_go() {
    hurry_ = true;
    threads_.clear();  // joins
    return std::move(replies_);
  }

 private:
  std::atomic<bool> hurry_{false};
  std::vector<target::SlowReply> replies_;
  std::vector<std::jthread> threads_;  // last: they use the others
};

void note_slow_replies(const std::vector<target::SlowReply>& replies, ResultBuilder& result) {
  std::int64_t whole = 0;
  std::size_t slow_bytes = 0, bytes = 0;
  for (const auto& reply : replies) {
    slow_bytes += reply.slow_bytes;
    bytes += reply.bytes;
    if (reply.whole && reply.status == 200) {
      ++whole;
    } else if (reply.status >= 500) {
      result.judge(Verdict::Fail,
                   fmt::format("a slow reader was answered with status {}: {}", reply.status, reply.detail));
    } else {
      result.finding("warning", fmt::format("a slow reader's reply is not whole (status {}): {}",
                                            reply.status, reply.detail));
    }
  }
  const auto n = static_cast<std::int64_t>(replies.size());
  result.metric("slow_replies_whole", static_cast<double>(whole), "", n);
  result.finding("info",
                 fmt::format("{} slow readers had taken {} of their {} bytes while others were served", n,
                             slow_bytes, bytes));
}

/// Streamed in turn over what the dialect has, so that each way is hung up on.
std::vector<std::vector<record::Request>> on_every_slot(Rig& rig, int max_tokens, bool all_ways) {
  std::vector<std::vector<record::Request>> sessions(slots_of(rig));
  auto ways = api_ways(rig);
  std::erase_if(ways, [](const ApiWay& way) { return !way.stream; });
  for (std::size_t i = 0; i < sessions.size(); ++i)
    sessions[i].push_back(
        api_request(rig, all_ways ? ways[i % ways.size()] : lightest_way(rig), i, max_tokens));
  return sessions;
}

/// What is left of the context for a reply, and at most what still goes on long after we have hung up.
int long_reply_tokens(Rig& rig, const ApiBaseline& baseline, double outlast_ms) {
  std::int64_t prompt = 0;
  for (std::size_t i = 0; i < slots_of(rig); ++i)
    prompt = std::max(prompt, rig.facts().count_prompt_tokens(api_request(rig, kApiWays.front(), i, 1)));
  const double wanted = 3 * outlast_ms / std::max(baseline.token_ms, 0.01);
  const double room = static_cast<double>(rig.plan().target.context_tokens - prompt - 8);
  return static_cast<int>(std::clamp(wanted, 1.0, std::max(room, 1.0)));
}

/// After all requests have ended: whether the server says that its slots are idle.
void judge_idle_slots(Rig& rig, ResultBuilder& result) {
  const base::Duration asked = rig.now();
  for (;;) {
    const auto busy = rig.target().busy_slots();
    if (!busy) {
      result.finding("info", "whether the slots are idle is not told: " + busy.error().message);
      return;
    }
    const double waited = base::to_ms(rig.now() - asked);
    if (*busy == 0) {
      result.metric("slots_idle_ms", waited, "ms", 1);
      return;
    }
    if (waited > kIdlePatienceMs) {
      result.judge(Verdict::Fail,
                   fmt::format("{:.0f} ms after the last request had ended the server said that {} slots "
                               "are busy",
                               waited, *busy));
      return;
    }
    if (rig.cancelled()) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

struct HangUp {
  double after_ms = 0;  ///< sent
  double bound_ms = 0;  ///< for the first text of each request that comes next
  int reply_tokens = 0;
};

/// Fills every slot, hangs up, asks anew on every slot. Gives how long the first texts took.
std::vector<double> hang_up_once(Rig& rig, const HangUp& plan, std::int64_t& in_reply,
                                 ResultBuilder& result) {
  load::ClosedLoop filling;
  filling.sessions = on_every_slot(rig, plan.reply_tokens, true);
  filling.hang_up_after = ms(plan.after_ms);
  const auto cut = rig.closed_loop("4.2", std::move(filling));
  for (const Outcome& outcome : cut.outcomes) {
    if (outcome.ending == record::Ending::Cancelled && outcome.first_text.count() >= 0) ++in_reply;
    if (const auto failure = failure_of(outcome))
      result.judge(Verdict::Fail,
                   fmt::format("with every slot in use a request over {} {}", outcome.label, *failure));
  }
  load::ClosedLoop anew;
  anew.sessions = on_every_slot(rig, kApiReplyTokens, false);
  anew.hang_up_after = ms(1.5 * plan.bound_ms);
  const auto after = rig.closed_loop("4.2", std::move(anew));
  std::vector<double> ttft_ms;
  for (const Outcome& outcome : after.outcomes) {
    if (rig.cancelled()) return {};
    if (const auto failure = failure_of(outcome)) {
      result.judge(Verdict::Fail, "after hanging up on every slot a new request " + *failure);
    } else {
      ttft_ms.push_back(outcome.first_text.count() >= 0 ? base::to_ms(outcome.first_text - outcome.planned)
                                                        : 1.5 * plan.bound_ms);
    }
  }
  return ttft_ms;
}

}  // namespace

void read_slowly_from_server(Rig& rig, const ApiBaseline& baseline, ResultBuilder& result) {
  const std::size_t slots = slots_of(rig);
  const std::size_t readers = std::max<std::size_t>(1, slots / 2);
  const double reply_ms = baseline.ttft_ms + kSlowReplyTokens * baseline.token_ms;
  // With one slot the others wait for the reply to be made, but not for it to be read.
  const double bound_ms = kStallFactor * baseline.e2e_ms + kStallMarginMs + reply_ms;
  SlowReaders slow(rig, readers, ms(3 * bound_ms) + std::chrono::seconds(30));
  load::ClosedLoop others;
  others.sessions.resize(std::clamp<std::size_t>(slots - std::min(readers, slots), 1, 2));
  for (int i = 0; i < rig.sizes().api_requests * 10; ++i)
    for (auto& session : others.sessions)
      session.push_back(api_request(rig, lightest_way(rig), static_cast<std::size_t>(i), kApiReplyTokens));
  others.stop_after = ms(std::max(reply_ms, 1000.0));
  others.hang_up_after = ms(1.5 * bound_ms);
  const auto load = rig.closed_loop("4.2", std::move(others));
  note_slow_replies(slow.let_go(), result);
  double slowest = 0;
  for (const Outcome& outcome : load.outcomes) {
    if (rig.cancelled()) return;
    if (const auto failure = failure_of(outcome))
      result.judge(Verdict::Fail, fmt::format("beside {} slow readers a request {}", readers, *failure));
    slowest = std::max(slowest, base::to_ms(outcome.done - outcome.planned));
  }
  const auto n = static_cast<std::int64_t>(load.outcomes.size());
  result.metric("e2e_ms_max_beside_slow_readers", slowest, "ms", n);
  result.metric("e2e_ms_max_beside_slow_readers_allowed", bound_ms, "ms", baseline.n);
  if (slowest > bound_ms)
    result.judge(Verdict::Fail,
                 fmt::format("{} slow readers stalled another client: a request of {} tokens beside "
                             "them took {:.0f} ms or more, {:.0f} are allowed",
                             readers, kApiReplyTokens, slowest, bound_ms));
}

void hang_up_on_server(Rig& rig, const ApiBaseline& baseline, ResultBuilder& result) {
  HangUp plan;
  plan.after_ms = 1.5 * baseline.ttft_ms + 3 * baseline.token_ms + 100;
  plan.bound_ms = kFreedFactor * baseline.ttft_ms + kFreedMarginTokens * baseline.token_ms + kFreedMarginMs;
  plan.reply_tokens = long_reply_tokens(rig, baseline, plan.after_ms + plan.bound_ms);
  const double would_go_on_ms = plan.reply_tokens * baseline.token_ms - plan.after_ms;
  std::vector<double> ttft_ms;
  std::int64_t in_reply = 0, late = 0, rounds = 0, late_rounds = 0;
  // A moment in which the machine was busy makes one round late, a slot that is kept makes all: looked at
  // again.
  for (int more = rig.sizes().api_misuses; more > 0 && !rig.cancelled(); --more) {
    const auto found = hang_up_once(rig, plan, in_reply, result);
    ttft_ms.insert(ttft_ms.end(), found.begin(), found.end());
    const auto late_ones =
        std::count_if(found.begin(), found.end(), [&](double t) { return t > plan.bound_ms; });
    late += late_ones;
    ++rounds;
    late_rounds += late_ones > 0 ? 1 : 0;
    if (late_ones > 0 && late_rounds == 1) more += kLooksAgain;
  }
  if (ttft_ms.empty() || rig.cancelled()) return;
  const auto n = static_cast<std::int64_t>(ttft_ms.size());
  const double slowest = *std::max_element(ttft_ms.begin(), ttft_ms.end());
  result.metric("hang_ups_in_reply", static_cast<double>(in_reply), "", n);
  result.metric("slot_freed_ms_max", slowest, "ms", n);
  result.metric("slot_freed_ms_p50", stats::quantile(ttft_ms, 0.5), "ms", n);
  result.metric("slot_freed_ms_allowed", plan.bound_ms, "ms", baseline.n);
  if (late > 0) {
    const bool kept =
        stats::wilson(static_cast<double>(late_rounds), static_cast<double>(rounds)).lo > kLateRoundsMax;
    result.judge(
        kept ? Verdict::Fail : Verdict::Inconclusive,
        fmt::format("{}: after hanging up on all {} slots {} of {} new requests, in {} of {} rounds, had "
                    "no text within {:.0f} ms",
                    kept ? "slots are not freed" : "whether slots are always freed is not sure",
                    slots_of(rig), late, n, late_rounds, rounds, plan.bound_ms));
  } else if (in_reply == 0) {
    result.judge(
        Verdict::Inconclusive,
        fmt::format("no reply had begun when we hung up, {:.0f} ms after it was asked for", plan.after_ms));
  } else if (would_go_on_ms < plan.bound_ms) {
    result.judge(
        Verdict::Inconclusive,
        fmt::format("whether hanging up frees a slot can't be told: replies of {} tokens, all that fit the "
                    "context, end by themselves within the {:.0f} ms that are allowed; give more context "
                    "(target.context_tokens)",
                    plan.reply_tokens, plan.bound_ms));
  }
  judge_idle_slots(rig, result);
}

}  // namespace moestress::protocol
