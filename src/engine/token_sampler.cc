#include "engine/token_sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"

namespace moestress::engine {
namespace {

constexpr auto kBetter = [](const auto& a, const auto& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
};

}  // namespace

TokenSampler::TokenSampler(const record::Sampling& sampling, std::vector<Token> banned)
    : sampling_(sampling), banned_(std::move(banned)), random_(base::derive_seed(sampling.seed, "sampling")) {
  std::sort(banned_.begin(), banned_.end());
}

std::optional<Token> TokenSampler::sample(std::span<const float> logits) {
  candidates_.clear();
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const auto token = static_cast<Token>(i);
    if (!std::isfinite(logits[i])) continue;
    if (!banned_.empty() && std::binary_search(banned_.begin(), banned_.end(), token)) continue;
    candidates_.push_back({logits[i], token});
  }
  if (candidates_.empty()) return std::nullopt;
  if (sampling_.temperature <= 0) return greedy();
  keep_top_k();
  keep_top_p();
  return draw();
}

std::optional<Token> TokenSampler::greedy() const {
  return std::min_element(candidates_.begin(), candidates_.end(), kBetter)->token;
}

void TokenSampler::keep_top_k() {
  const auto k = static_cast<std::size_t>(std::max(sampling_.top_k, 0));
  if (k == 0 || k >= candidates_.size()) return;
  std::nth_element(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(k),
                   candidates_.end(), kBetter);
  candidates_.resize(k);
}

void TokenSampler::keep_top_p() {
  if (sampling_.top_p >= 1) return;
  const double best = std::min_element(candidates_.begin(), candidates_.end(), kBetter)->logit;
  const auto mass = [&](const Candidate& c) { return std::exp((c.logit - best) / sampling_.temperature); };
  double total = 0;
  for (const Candidate& candidate : candidates_) total += mass(candidate);

  // The kept ones are few of a large vocabulary: order the best of it, and more only where they are needed.
  double reached = 0;
  std::size_t kept = 0;
  std::size_t ordered = 0;
  while (kept < candidates_.size() && reached < sampling_.top_p * total) {
    if (kept == ordered) {
      const auto begin = candidates_.begin() + static_cast<std::ptrdiff_t>(ordered);
      ordered = std::min(candidates_.size(), std::max<std::size_t>(256, ordered * 16));
      const auto end = candidates_.begin() + static_cast<std::ptrdiff_t>(ordered);
      std::nth_element(begin, end, candidates_.end(), kBetter);
      std::sort(begin, end, kBetter);
    }
    reached += mass(candidates_[kept++]);
  }
  candidates_.resize(std::max<std::size_t>(kept, 1));
}

Token TokenSampler::draw() {
  // Selection above leaves no particular order; by id, the draw depends on the probabilities alone.
  std::sort(candidates_.begin(), candidates_.end(),
            [](const Candidate& a, const Candidate& b) { return a.token < b.token; });
  double best = -std::numeric_limits<double>::infinity();
  for (const Candidate& candidate : candidates_) best = std::max<double>(best, candidate.logit);
  double total = 0;
  const auto mass = [&](const Candidate& c) { return std::exp((c.logit - best) / sampling_.temperature); };
  for (const Candidate& candidate : candidates_) total += mass(candidate);
  double left = random_.uniform() * total;
  for (const Candidate& candidate : candidates_) {
    left -= mass(candidate);
    if (left < 0) return candidate.token;
  }
  return candidates_.back().token;  // rounding only
}

TokenLogprobs logprobs_of(std::span<const float> logits, Token chosen, int n) {
  CHECK(chosen >= 0 && static_cast<std::size_t>(chosen) < logits.size());
  double best = -std::numeric_limits<double>::infinity();
  for (float logit : logits) {
    if (std::isfinite(logit)) best = std::max<double>(best, logit);
  }
  double total = 0;
  for (float logit : logits) {
    if (std::isfinite(logit)) total += std::exp(logit - best);
  }
  const double normaliser = best + std::log(total);

  struct Candidate {
    float logit;
    Token token;
  };
  std::vector<Candidate> top;
  for (std::size_t i = 0; n > 0 && i < logits.size(); ++i) {
    const Candidate candidate{logits[i], static_cast<Token>(i)};
    if (!std::isfinite(candidate.logit)) continue;
    if (top.size() == static_cast<std::size_t>(n) && !kBetter(candidate, top.back())) continue;
    top.insert(std::upper_bound(top.begin(), top.end(), candidate, kBetter), candidate);
    if (top.size() > static_cast<std::size_t>(n)) top.pop_back();
  }
  TokenLogprobs result;
  result.chosen = static_cast<float>(logits[static_cast<std::size_t>(chosen)] - normaliser);
  for (const Candidate& candidate : top) {
    result.top.emplace_back(candidate.token, static_cast<float>(candidate.logit - normaliser));
  }
  return result;
}

}  // namespace moestress::engine
