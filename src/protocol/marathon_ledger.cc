#include "protocol/marathon_ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "base/text.h"
#include "load/latency.h"
#include "protocol/failure.h"
#include "quality/degeneration.h"

namespace moestress::protocol {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kClockJumpsMax = 100;

template <class T>
double or_none(const std::optional<T>& value) {
  return value ? static_cast<double>(*value) : kNone;
}

double mean_of(double a, double b) {
  if (std::isnan(a)) return b;
  return std::isnan(b) ? a : (a + b) / 2;
}

}  // namespace

MarathonLedger::MarathonLedger(std::size_t threads, base::SessionId first_session, bool judge_text)
    : first_session_(first_session), judge_text_(judge_text), last_prompt_tokens_(threads, -1) {
  totals_.threads.resize(threads);
}

void MarathonLedger::restore(const std::vector<record::Checkpoint>& checkpoints) {
  const std::size_t threads = totals_.threads.size();
  for (const record::Checkpoint& checkpoint : checkpoints) {
    totals_ = checkpoint;
    begun_ = true;
    ++checkpoints_;
    add_point(checkpoint);
    private_bytes_max_ = std::max(private_bytes_max_, checkpoint.private_bytes_max.value_or(0));
    own_private_bytes_max_ = std::max(own_private_bytes_max_, checkpoint.own_private_bytes.value_or(0));
  }
  totals_.threads.resize(threads);
}

void MarathonLedger::begin_segment(base::Duration at) {
  if (begun_) ++totals_.segment;
  begun_ = true;
  interval_began_ = at;
  last_success_ = at;
  interval_ = {};
  std::fill(last_prompt_tokens_.begin(), last_prompt_tokens_.end(), -1);
}

void MarathonLedger::note_latency(const record::Outcome& outcome) {
  if (!outcome.ok()) return;
  if (outcome.first_text >= outcome.planned) ttft_.add(outcome.first_text - outcome.planned);
  e2e_.add(outcome.done - outcome.planned);
}

void MarathonLedger::note_failure(const record::Outcome& outcome) {
  ++totals_.requests_failed;
  ++failures_in_a_row_;
  last_failure_ = failure_of(outcome).value_or("");
  failures_.push_back(outcome.done);
  if (failures_.size() > kBurstFailures) failures_.pop_front();
  const bool burst =
      failures_.size() == kBurstFailures && failures_.back() - failures_.front() <= kBurstWithin;
  totals_.error_bursts += burst && !in_burst_ ? 1 : 0;
  in_burst_ = burst;
}

bool MarathonLedger::frozen(base::Duration at) const {
  return at - last_success_ > kFrozenAfter + 3 * longest_reply_;
}

void MarathonLedger::note_frozen(base::Duration at) {
  ++totals_.error_bursts;
  last_failure_ = fmt::format("answered nothing for {}, where the longest reply took {}",
                              base::human_seconds(base::to_seconds(at - last_success_)),
                              base::human_seconds(base::to_seconds(longest_reply_)));
}

void MarathonLedger::note_reply(const record::Outcome& outcome) {
  ++totals_.requests_ok;
  failures_in_a_row_ = 0;
  if (frozen(outcome.done)) note_frozen(outcome.done);  // it went on by itself
  longest_reply_ = std::max(longest_reply_, outcome.done - outcome.planned);
  last_success_ = outcome.done;
  note_latency(outcome);
  const auto tokens = std::max<std::int64_t>(0, outcome.completion_tokens);
  totals_.completion_tokens += tokens;
  totals_.prompt_tokens += std::max<std::int64_t>(0, outcome.prompt_tokens);
  if (load::decode_tok_s(outcome)) {
    interval_.decode_tokens += static_cast<double>(tokens - 1);
    interval_.decode_seconds += base::to_seconds(outcome.last_text - outcome.first_text);
    interval_.context_tokens += static_cast<double>(std::max<std::int64_t>(0, outcome.prompt_tokens)) +
                                static_cast<double>(tokens) / 2;
    ++interval_.decoded;
  }
  if (!judge_text_) return;
  const auto degeneration = quality::degeneration(outcome.text);
  totals_.replies_looping += degeneration.looping ? 1 : 0;
  interval_.diversity += degeneration.diversity;
  ++interval_.texts;
}

void MarathonLedger::note_turn(const record::Outcome& outcome) {
  const auto thread = static_cast<std::size_t>(outcome.session.value - first_session_.value);
  if (thread >= totals_.threads.size()) return;
  record::ThreadPosition& position = totals_.threads[thread];
  ++position.turns;
  // A conversation grows by every turn: a prompt that has not grown begins one.
  if (outcome.prompt_tokens <= last_prompt_tokens_[thread] || last_prompt_tokens_[thread] < 0)
    ++position.conversations;
  last_prompt_tokens_[thread] = outcome.ok() ? outcome.prompt_tokens : -1;
}

void MarathonLedger::fold(const MarathonSlice& slice) {
  for (const record::Outcome& outcome : slice.outcomes) {
    if (outcome.ending == record::Ending::Cancelled) continue;
    note_turn(outcome);
    if (outcome.ok()) {
      note_reply(outcome);
    } else {
      note_failure(outcome);
    }
  }
  for (const record::ProcessSample& sample : slice.memory)
    interval_.private_bytes.push_back(sample.private_bytes());
  if (slice.own_private_bytes) interval_.own_private_bytes = slice.own_private_bytes;
  if (slice.own_rss_bytes) interval_.own_rss_bytes = slice.own_rss_bytes;
  if (slice.others_cpu)
    interval_.others_cpu = interval_.others_cpu.value_or(base::Duration{0}) + *slice.others_cpu;
  if (slice.death) {
    ++totals_.deaths;
    last_death_ = *slice.death;
  }
}

record::Checkpoint MarathonLedger::close(base::Duration at) {
  totals_.at = at;
  totals_.interval_seconds = base::to_seconds(at - interval_began_);
  totals_.active_seconds += totals_.interval_seconds;
  totals_.decode_tok_s = totals_.context_tokens = totals_.text_diversity = std::nullopt;
  totals_.private_bytes = totals_.private_bytes_max = std::nullopt;
  if (interval_.decoded > 0 && interval_.decode_seconds > 0) {
    totals_.decode_tok_s = interval_.decode_tokens / interval_.decode_seconds;
    totals_.context_tokens = interval_.context_tokens / static_cast<double>(interval_.decoded);
  }
  if (interval_.texts > 0)
    totals_.text_diversity = interval_.diversity / static_cast<double>(interval_.texts);
  if (auto& bytes = interval_.private_bytes; !bytes.empty()) {
    totals_.private_bytes_max = *std::max_element(bytes.begin(), bytes.end());
    const auto middle = bytes.begin() + static_cast<std::ptrdiff_t>(bytes.size() / 2);
    std::nth_element(bytes.begin(), middle, bytes.end());
    totals_.private_bytes = *middle;
    private_bytes_max_ = std::max(private_bytes_max_, *totals_.private_bytes_max);
  }
  totals_.own_private_bytes = interval_.own_private_bytes;
  totals_.own_rss_bytes = interval_.own_rss_bytes;
  totals_.others_cpu_cores = std::nullopt;
  if (interval_.others_cpu && totals_.interval_seconds > 0)
    totals_.others_cpu_cores = base::to_seconds(*interval_.others_cpu) / totals_.interval_seconds;
  own_private_bytes_max_ = std::max(own_private_bytes_max_, interval_.own_private_bytes.value_or(0));
  interval_ = {};
  interval_began_ = at;
  ++checkpoints_;
  if (clock_jumps_.size() > kClockJumpsMax) clock_jumps_.erase(clock_jumps_.begin());
  add_point(totals_);
  return totals_;
}

double MarathonLedger::unbroken_hours() const {
  double longest = 0;
  for (auto segment = segment_starts_.begin(); segment != segment_starts_.end(); ++segment) {
    const auto next = std::next(segment);
    const double end = next == segment_starts_.end() ? totals_.active_seconds / 3600 : next->second;
    longest = std::max(longest, end - segment->second);
  }
  return longest;
}

void MarathonLedger::add_point(const record::Checkpoint& c) {
  const double began = (c.active_seconds - c.interval_seconds) / 3600;
  segment_starts_.try_emplace(c.segment, began);
  points_.push_back({c.segment, began + c.interval_seconds / 7200, or_none(c.private_bytes),
                     or_none(c.decode_tok_s), or_none(c.context_tokens), or_none(c.text_diversity),
                     or_none(c.own_private_bytes), or_none(c.others_cpu_cores)});
  if (points_.size() > kPointsMax) join_neighbours();
}

void MarathonLedger::join_neighbours() {
  std::vector<MarathonPoint> joined;
  joined.reserve(kPointsMax + 1);
  for (std::size_t i = 0; i < points_.size(); ++i) {
    MarathonPoint point = points_[i];
    if (i + 1 < points_.size() && points_[i + 1].segment == point.segment) {
      const MarathonPoint& other = points_[++i];
      for (const auto figure :
           {&MarathonPoint::hours, &MarathonPoint::private_bytes, &MarathonPoint::decode_tok_s,
            &MarathonPoint::context_tokens, &MarathonPoint::text_diversity, &MarathonPoint::own_private_bytes,
            &MarathonPoint::others_cpu_cores})
        point.*figure = mean_of(point.*figure, other.*figure);
    }
    joined.push_back(point);
  }
  points_ = std::move(joined);
}

}  // namespace moestress::protocol
