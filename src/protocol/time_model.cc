#include "protocol/time_model.h"

#include <algorithm>
#include <utility>

namespace moestress::protocol {
namespace {

/// Seconds that the first estimate is worth against measured ones: a short test says little of the others.
constexpr double kFaithSeconds = 10;
constexpr double kCorrectionMax = 10;
/// A test that takes less of the target's work says nothing of its speed.
constexpr double kTellingSeconds = 1;

double gain(double parallel, const Speeds& speeds) {
  if (speeds.slots <= 1) return 1;
  const double share =
      (std::clamp(parallel, 1.0, static_cast<double>(speeds.slots)) - 1) / (speeds.slots - 1);
  return 1 + (std::max(1.0, speeds.parallel_gain) - 1) * share;
}

/// The part that the target's speed has no say in.
double fixed_seconds(const Work& work) { return work.seconds; }

/// A start alone tells nothing of the speed of tokens.
bool has_tokens(const Work& work) {
  return work.prompt_tokens + work.reply_tokens + work.scored_tokens + work.paced_reply_tokens > 0;
}

}  // namespace

double seconds_of(const Work& work, const Speeds& speeds) {
  const auto asked = [&](std::int64_t requests, std::int64_t prompt, std::int64_t reply, double parallel) {
    return static_cast<double>(requests) * speeds.request_seconds +
           static_cast<double>(prompt) / speeds.prefill_tok_s +
           static_cast<double>(reply) / (speeds.decode_tok_s * gain(parallel, speeds));
  };
  return work.starts * speeds.start_seconds +
         asked(work.requests, work.prompt_tokens, work.reply_tokens, work.parallel) +
         static_cast<double>(work.scored_tokens) / speeds.prefill_tok_s +
         std::max(work.paced_seconds, asked(work.paced_requests, work.paced_prompt_tokens,
                                            work.paced_reply_tokens, speeds.slots)) +
         work.seconds;
}

void TimeModel::add(const std::string& model, std::string_view test, Work work, double weight_bytes) {
  items_.push_back({model, std::string(test), std::move(work), weight_bytes, std::nullopt});
}

void TimeModel::calibrated(const std::string& model, const Speeds& speeds) {
  speeds_ = speeds;
  calibrated_ = true;
  for (const Item& item : items_)
    if (item.model == model) speeds_weight_bytes_ = item.weight_bytes;
}

void TimeModel::finished(const std::string& model, std::string_view test, double seconds) {
  for (Item& item : items_)
    if (item.model == model && item.test == test) item.took = seconds;
}

double TimeModel::reference_seconds() const {
  double sum = 0;
  for (const Item& item : items_) sum += seconds_of(item.work, Speeds{});
  return sum;
}

double TimeModel::estimate(const Item& item) const {
  Speeds speeds = speeds_;
  if (speeds_weight_bytes_ > 0 && item.weight_bytes > 0) {
    // Decoding is bound by the bytes it reads; prefill and loading go with the same weights.
    const double slower = item.weight_bytes / speeds_weight_bytes_;
    speeds.prefill_tok_s /= slower;
    speeds.decode_tok_s /= slower;
    speeds.start_seconds *= slower;
  }
  return seconds_of(item.work, speeds);
}

double TimeModel::correction() const {
  double thought = calibrated_ ? kFaithSeconds : 0, took = thought;
  for (const Item& item : items_) {
    if (!item.took) continue;
    const double fixed = fixed_seconds(item.work), asked = estimate(item) - fixed;
    if (asked < kTellingSeconds || !has_tokens(item.work)) continue;
    thought += asked;
    took += std::max(0.0, *item.took - fixed);
  }
  if (thought <= 0 || took <= 0) return 0;
  return std::clamp(took / thought, 1 / kCorrectionMax, kCorrectionMax);
}

std::vector<TimeModel::Estimate> TimeModel::remaining() const {
  const double corrected = correction();
  std::vector<Estimate> estimates;
  if (corrected <= 0) return estimates;
  for (const Item& item : items_) {
    if (item.took) continue;
    const double fixed = fixed_seconds(item.work);
    estimates.push_back({item.model, item.test, fixed + corrected * (estimate(item) - fixed)});
  }
  return estimates;
}

std::optional<double> TimeModel::seconds_left() const {
  const auto estimates = remaining();
  if (estimates.empty()) return std::nullopt;
  double sum = 0;
  for (const Estimate& one : estimates) sum += one.seconds;
  return sum;
}

}  // namespace moestress::protocol
