// S4 Context Window Saturation: the context raised step by step to its limit, twice: each step cold, then as
// a conversation that grows. Memory and speed at each step, how they degrade, and whether the server is
// afterwards what it was before.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "base/text.h"
#include "protocol/context_probe.h"
#include "protocol/failure.h"
#include "protocol/growth.h"
#include "protocol/result_builder.h"
#include "protocol/tests.h"
#include "stats/quantile.h"
#include "stats/significance.h"

namespace moestress::protocol {
namespace {

using record::Outcome;
using record::Verdict;

/// Short requests before and after; with four on each side Mann-Whitney can decide at 5 %.
constexpr std::size_t kShortRequests = 4;
constexpr double kSignificance = 0.05;
/// A short request that takes longer than this times its time at the start, and this many ms, is slower.
constexpr double kRecoveryFactor = 1.5;
constexpr double kRecoverySlackMs = 20;
/// Looks at the recovery, the second after kRecoveryPause, the third after twice that.
constexpr int kRecoveryLooks = 3;
constexpr base::Duration kRecoveryPause = std::chrono::seconds(1);
/// Saturations that memory may grow over: an allocator keeps what it once had, a leak goes on.
constexpr std::size_t kSaturationsMax = 4;
/// What an allocator may keep; as in 5.1.
constexpr double kAllocatorShare = 0.05;
constexpr double kAllocatorBytes = 16e6;
/// A line, a bend and something left over to judge the bend by.
constexpr std::size_t kStepsMin = 4;
/// A bend of memory matters from this part of its linear growth on, and from kAllocatorBytes.
constexpr double kMemoryBendShare = 0.10;
/// A bend of the time per token matters from this part of what the line gives at the limit.
constexpr double kDecodeBendShare = 0.50;

struct Step {
  double tokens = 0;  ///< of the prompt
  std::optional<FillSpeed> speed;
  std::optional<double> private_bytes;

  double tpot_ms() const { return speed && speed->decode_tok_s ? 1000 / *speed->decode_tok_s : std::nan(""); }
};

/// The server between two saturations.
struct AtRest {
  std::vector<double> ttft_ms;
  std::optional<double> private_bytes;
};

/// Whether a server of this kind may keep the prefix of a conversation.
bool keeps_prefixes(target::Dialect dialect) {
  // `moestress serve` starts every prompt anew, and shimmy loads its model anew.
  return dialect != target::Dialect::Moestress && dialect != target::Dialect::Shimmy;
}

class Saturation {
 public:
  Saturation(Rig& rig, ContextProbe& probe, ResultBuilder& result)
      : rig_(rig), probe_(probe), result_(result) {}

  /// From empty to full in saturation_steps; each step another text, or each the one before with more behind
  /// it. Ends at the first step that fails, which is a FAIL.
  base::Result<std::vector<Step>> climb(const std::string& purpose, bool conversation) {
    std::vector<Step> steps;
    const int count = rig_.sizes().saturation_steps;
    for (int i = 1; i <= count; ++i) {
      const int room = probe_.limit().tokens - probe_.limit().margin;
      const auto tokens =
          std::llround(static_cast<double>(room) * i / count) - rig_.sizes().saturation_reply_tokens;
      if (tokens < probe_.count("") + 1) continue;
      MOESTRESS_TRY(const auto step, take_step(tokens, purpose, i, conversation));
      if (!step) break;
      steps.push_back(*step);
    }
    return steps;
  }

  /// The second saturation over again: a conversation where the server may keep its prefix, else one full
  /// context.
  base::Status again(const std::string& purpose) {
    if (keeps_prefixes(rig_.target().dialect())) {
      MOESTRESS_TRY([[maybe_unused]] const auto steps, climb(purpose, true));
      return {};
    }
    const int tokens = probe_.limit().tokens - probe_.limit().margin - rig_.sizes().saturation_reply_tokens;
    MOESTRESS_TRY([[maybe_unused]] const auto step, take_step(tokens, purpose, 1, false));
    return {};
  }

  base::Result<AtRest> at_rest(std::size_t requests) {
    AtRest rest;
    MOESTRESS_TRY(rest.ttft_ms, probe_.short_requests(requests));
    rest.private_bytes = probe_.private_bytes_peak(rig_.now());
    return rest;
  }

 private:
  /// Absent where the request failed.
  base::Result<std::optional<Step>> take_step(std::int64_t tokens, const std::string& purpose, int number,
                                              bool conversation) {
    const int reply = rig_.sizes().saturation_reply_tokens;
    const base::Duration began = rig_.now();
    const auto make = [&](int attempt) -> base::Result<record::Request> {
      const std::string seed = conversation ? purpose : fmt::format("{}/{}/{}", purpose, number, attempt);
      MOESTRESS_TRY(std::string prompt, probe_.filler(tokens, seed));
      auto request = probe_.request(std::move(prompt), reply, purpose);
      request.reuse_prefix = conversation;
      return request;
    };
    // A turn of a conversation can't be asked again: its prefix would be known. Its times are left out then.
    bool lagged = false;
    const auto ask = [&]() -> base::Result<Outcome> {
      if (!conversation) return probe_.ask_timed(make, result_);
      MOESTRESS_TRY(auto request, make(0));
      return probe_.ask(std::move(request), &lagged);
    };
    MOESTRESS_TRY(const Outcome outcome, ask());
    if (const auto failure = failure_of(outcome)) {
      result_.judge(Verdict::Fail,
                    fmt::format("before the limit: a prompt of {} tokens with {} of reply, which fits "
                                "{} of {}, {}",
                                tokens, reply, probe_.limit().source(), probe_.limit().tokens,
                                base::printable(*failure, 300)));
      return std::nullopt;
    }
    Step step;
    step.tokens = static_cast<double>(tokens);
    if (!lagged) step.speed = fill_speed(outcome, tokens);
    step.private_bytes = probe_.private_bytes_peak(began);
    return step;
  }

  Rig& rig_;
  ContextProbe& probe_;
  ResultBuilder& result_;
};

/// One figure of each step against its tokens; steps without it are left out by the fits.
template <class Figure>
Growth growth_of(const std::vector<Step>& steps, double limit, Figure figure) {
  std::vector<double> tokens, figures;
  for (const Step& step : steps) {
    tokens.push_back(step.tokens);
    figures.push_back(figure(step));
  }
  return growth(tokens, figures, limit);
}

Growth decode_growth(const std::vector<Step>& steps, double limit) {
  return growth_of(steps, limit, [](const Step& step) { return step.tpot_ms(); });
}

bool decode_bends(const Growth& decode) {
  return decode.bends_up() && decode.extra() > kDecodeBendShare * std::max(0.0, decode.without_bend());
}

void note_growth(const Growth& growth, const std::string& name, const std::string& unit,
                 ResultBuilder& result) {
  if (growth.line && growth.line->n >= 3)
    result.metric(name + "_per_token", growth.line->slope, unit + "/token", growth.line->n,
                  growth.line->slope_interval);
  if (growth.curve && growth.curve->n >= 4)
    result.metric(name + "_quadratic", growth.curve->c, unit + "/token²", growth.curve->n,
                  growth.curve->c_interval);
}

void report_steps(Rig& rig, const std::string& title, const std::vector<Step>& steps, ResultBuilder& result) {
  record::Table table{
      title,
      {"prompt tokens", "TTFT ms", "prefill tok/s", "decode tok/s", "private bytes", "KV bytes predicted"},
      {},
      {},
      "line"};
  const auto absent = std::nan("");
  const auto kv = static_cast<double>(rig.facts().topology.kv_bytes_per_token);
  for (const Step& step : steps)
    table.rows.push_back({step.tokens, step.speed ? step.speed->ttft_ms : absent,
                          step.speed ? step.speed->prefill_tok_s : absent,
                          step.speed ? step.speed->decode_tok_s.value_or(absent) : absent,
                          step.private_bytes.value_or(absent), kv * step.tokens});
  if (!table.rows.empty()) result.table(std::move(table));
}

/// How the first, cold climb degrades; judges memory, and the time per token where it bends in a second climb
/// as well.
base::Status judge_climb(Rig& rig, ContextProbe& probe, Saturation& saturation,
                         const std::vector<Step>& steps, ResultBuilder& result) {
  const double limit = probe.limit().tokens;
  const auto ttft = growth_of(
      steps, limit, [](const Step& step) { return step.speed ? step.speed->ttft_ms : std::nan(""); });
  const auto memory =
      growth_of(steps, limit, [](const Step& step) { return step.private_bytes.value_or(std::nan("")); });
  const auto decode = decode_growth(steps, limit);
  note_growth(ttft, "ttft_ms", "ms", result);
  note_growth(decode, "tpot_ms", "ms", result);
  note_growth(memory, "private_bytes", "bytes", result);
  result.finding("info", describe(ttft, "TTFT", "ms"));
  result.finding("info", describe(decode, "time per reply token", "ms"));
  if (memory.line) result.finding("info", describe(memory, "private memory", "bytes"));

  const double linear =
      std::max(memory.linear_part(), static_cast<double>(rig.facts().topology.kv_bytes_per_token) * limit);
  if (memory.bends_up() && memory.extra() > std::max(kMemoryBendShare * linear, kAllocatorBytes))
    result.judge(
        Verdict::Fail,
        fmt::format("memory grows beyond linear with context: at {:.0f} tokens the quadratic term makes {} "
                    "beside {} of the linear one ({} steps, its interval excludes 0)",
                    limit, base::human_bytes(memory.extra()), base::human_bytes(std::max(0.0, linear)),
                    memory.curve->n));
  if (!decode_bends(decode)) return {};
  // Attention over a longer context makes a token dearer in proportion to it; nothing sound does more. One
  // climb may have been disturbed by others on this machine.
  MOESTRESS_TRY(const auto again, saturation.climb("step again", false));
  report_steps(rig, "Saturation, each step cold, once more", again, result);
  const auto second = decode_growth(again, limit);
  if (decode_bends(second))
    result.judge(
        Verdict::Fail,
        fmt::format(
            "decoding slows down beyond linear with context, in two climbs: at {:.0f} tokens the bend "
            "makes {:.1f} and {:.1f} ms a token beside {:.1f} and {:.1f} without it ({} steps)",
            limit, decode.extra(), second.extra(), std::max(0.0, decode.without_bend()),
            std::max(0.0, second.without_bend()), second.curve->n));
  else
    result.finding("warning", "the time per reply token bent in the first climb, not in a second one");
  return {};
}

bool is_slower(const std::vector<double>& before, const std::vector<double>& after) {
  const double was = stats::quantile(before, 0.5);
  const double is = stats::quantile(after, 0.5);
  return is > kRecoveryFactor * was + kRecoverySlackMs && stats::mann_whitney(before, after) < kSignificance;
}

/// Saturations beyond the second, as long as each leaves more memory behind than the one before: buffers that
/// a full context needs may stay, and an allocator keeps what it once had; what every one adds may not.
/// `left`: private bytes at rest after each so far; gets those that follow.
base::Status judge_memory(Saturation& saturation, double before, std::vector<double> left,
                          ResultBuilder& result) {
  const auto grew = [&left] {
    const double was = left[left.size() - 2];
    return left.back() > was * (1 + kAllocatorShare) + kAllocatorBytes;
  };
  while (grew() && left.size() < kSaturationsMax) {
    MOESTRESS_TRY_STATUS(saturation.again(fmt::format("saturation {}", left.size() + 1)));
    MOESTRESS_TRY(const AtRest rest, saturation.at_rest(1));
    if (!rest.private_bytes) return {};
    left.push_back(*rest.private_bytes);
  }
  const auto n = static_cast<std::int64_t>(left.size());
  result.metric("private_bytes_before", before, "bytes", 1);
  result.metric("private_bytes_after_first", left.front(), "bytes", 1);
  result.metric("private_bytes_after", left.back(), "bytes", n);
  if (grew())
    result.judge(Verdict::Fail,
                 fmt::format("memory does not return: {} before, {} after one saturation and {} after "
                             "{}, more with each",
                             base::human_bytes(before), base::human_bytes(left.front()),
                             base::human_bytes(left.back()), n));
  else if (left.back() > before * (1 + kAllocatorShare) + kAllocatorBytes)
    result.finding("info",
                   fmt::format("{} more than before the first saturation stay with the server; the last one "
                               "added nothing",
                               base::human_bytes(left.back() - before)));
  return {};
}

/// After the second saturation: short requests as quick as at the start, and memory where it was.
base::Status judge_recovery(Rig& rig, Saturation& saturation, const AtRest& start, const AtRest& first,
                            ResultBuilder& result) {
  AtRest last;
  bool slower = true;
  for (int look = 0; look < kRecoveryLooks && slower; ++look) {
    const base::Duration until = rig.now() + look * kRecoveryPause;
    while (rig.now() < until && !rig.cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    MOESTRESS_TRY(last, saturation.at_rest(kShortRequests));
    slower = is_slower(start.ttft_ms, last.ttft_ms);
  }
  const auto n = static_cast<std::int64_t>(kShortRequests);
  const double was = stats::quantile(start.ttft_ms, 0.5);
  const double is = stats::quantile(last.ttft_ms, 0.5);
  result.metric("ttft_ms_p50_before", was, "ms", n);
  result.metric("ttft_ms_p50_after", is, "ms", n);
  if (slower)
    result.judge(
        Verdict::Fail,
        fmt::format("no recovery: a short request takes {:.0f} ms to its first token, before the saturation "
                    "{:.0f} ms (more than {:g} times and {:g} ms, {} requests each)",
                    is, was, kRecoveryFactor, kRecoverySlackMs, n));
  if (!start.private_bytes || !first.private_bytes || !last.private_bytes) {
    result.judge(
        Verdict::Inconclusive,
        "the server's memory can't be read, so its growth and return are unknown; have moestress start "
        "the server (--spawn)");
    return {};
  }
  return judge_memory(saturation, *start.private_bytes, {*first.private_bytes, *last.private_bytes}, result);
}

/// The second saturation: as a conversation where the server may keep its prefix, else one full context.
base::Status grow_conversation(Rig& rig, Saturation& saturation, const std::vector<Step>& cold,
                               ResultBuilder& result) {
  if (!keeps_prefixes(rig.target().dialect())) {
    result.finding("info",
                   "this server keeps no prefix of a conversation: each turn is read anew, so a growing "
                   "conversation costs what the cold steps cost");
    return saturation.again("full");
  }
  MOESTRESS_TRY(const auto grown, saturation.climb("conversation", true));
  report_steps(rig, "Saturation, one conversation that grows", grown, result);
  if (grown.empty() || cold.empty() || !grown.back().speed || !cold.back().speed) return {};
  const double share = grown.back().speed->ttft_ms / cold.back().speed->ttft_ms;
  result.metric("conversation_ttft_share", share, "", 1);
  result.finding(
      "info", fmt::format("the last turn of a conversation of {:.0f} tokens has {:.0f} % of the TTFT of as "
                          "long a prompt that is new: a prefix is {}",
                          grown.back().tokens, 100 * share, share < 0.5 ? "kept" : "not kept"));
  return {};
}

base::Status saturate(Rig& rig, ContextProbe& probe, ResultBuilder& result) {
  Saturation saturation(rig, probe, result);
  MOESTRESS_TRY(const AtRest start, saturation.at_rest(kShortRequests));
  MOESTRESS_TRY(const auto steps, saturation.climb("step", false));
  report_steps(rig, "Saturation, each step cold", steps, result);
  MOESTRESS_TRY_STATUS(judge_climb(rig, probe, saturation, steps, result));
  if (!probe.alive()) return {};
  probe.check_overflow(result);
  if (!probe.alive()) return {};
  MOESTRESS_TRY(const AtRest first, saturation.at_rest(1));
  MOESTRESS_TRY_STATUS(grow_conversation(rig, saturation, steps, result));
  if (!probe.alive()) return {};
  MOESTRESS_TRY_STATUS(judge_recovery(rig, saturation, start, first, result));
  if (steps.size() < kStepsMin) {
    result.judge(Verdict::Inconclusive,
                 fmt::format("only {} steps hold a prompt with its reply; raise the context", steps.size()));
    return {};
  }
  result.judge(
      Verdict::Pass,
      fmt::format(
          "{} steps to {} of {} tokens: {}; one past it is refused cleanly; afterwards short requests "
          "are as quick as before, and saturating again leaves no more memory behind",
          steps.size(), probe.limit().source(), probe.limit().tokens,
          speed_clause(steps.front().speed, steps.back().speed)));
  return {};
}

}  // namespace

record::TestResult scenario_s4_context_saturation(Rig& rig) {
  ResultBuilder result;
  auto probe = ContextProbe::start(rig, "S4");
  if (!probe) {
    judge_error(probe.error(), result);
    return result.take();
  }
  result.metric("context_tokens_limit", probe->limit().tokens, "tokens", 1);
  if (rig.embedded())
    if (const auto properties = rig.server_properties()) {
      double bytes = 0;
      for (const auto& device : properties->devices) bytes += static_cast<double>(device.context_bytes);
      result.metric("kv_bytes", bytes, "bytes", 1);
    }
  if (const auto status = saturate(rig, *probe, result); !status) judge_error(status.error(), result);
  return result.take();
}

Work work_s4(const WorkInput& input) {
  const auto& sizes = input.plan.tests;
  const double context = context_to_fill(input.plan, input.facts);
  const bool ours = input.plan.target.spawn.empty() && input.plan.target.url.empty();
  const std::int64_t steps = sizes.saturation_steps;
  const auto climb =
      std::llround(context * static_cast<double>(steps + 1) / 2) - steps * sizes.saturation_reply_tokens;
  constexpr std::int64_t kShort = 2 * kShortRequests + 3;  // also to warm up, after the overflow, between
  Work work;
  work.requests = steps + (ours ? 1 : steps) + 1 + kShort;
  work.prompt_tokens = climb + (ours ? std::llround(context) : climb) + kShort * 16;
  work.reply_tokens = (steps + (ours ? 1 : steps)) * sizes.saturation_reply_tokens + kShort * 4;
  work.starts = sizes.context_fill_tokens > 0 ? 1 : 0;
  return work;
}

}  // namespace moestress::protocol
