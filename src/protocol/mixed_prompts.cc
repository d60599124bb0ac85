#include "protocol/mixed_prompts.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "stats/interval.h"
#include "stats/quantile.h"

namespace moestress::protocol {

namespace {

/// Divergences that differ by less are the same but for rounding.
constexpr double kSameBits = 1e-9;

}  // namespace

using record::Verdict;

TextSet mix_prompts(const std::vector<TextSet>& sets, std::size_t per_pair, std::vector<MixedPrompt>& mixed) {
  TextSet out{"mixed", {}};
  for (std::size_t a = 0; a < sets.size(); ++a)
    for (std::size_t b = a + 1; b < sets.size(); ++b)
      for (std::size_t i = 0; i < per_pair && i < sets[a].texts.size() && i < sets[b].texts.size(); ++i) {
        const auto &first = sets[a].texts[i], &second = sets[b].texts[i];
        const bool swapped = i % 2 == 1;
        out.texts.push_back({first.id + "+" + second.id,
                             swapped ? second.text + "\n\n" + first.text : first.text + "\n\n" + second.text,
                             first.chat});
        mixed.push_back({a, i, b, i});
      }
  return out;
}

std::string judge_mixtures(const std::vector<RoutingSet>& domains, const RoutingSet& traces,
                           const std::vector<MixedPrompt>& mixed, std::uint64_t seed, ResultBuilder& result) {
  std::vector<double> weights, excess, off_line;
  double between = 0;
  for (std::size_t i = 0; i < mixed.size() && i < traces.traces.size(); ++i) {
    const auto& parts = mixed[i];
    const auto mixture = experts::mixture(std::span(&traces.traces[i], 1),
                                          std::span(&domains[parts.domain_a].traces[parts.prompt_a], 1),
                                          std::span(&domains[parts.domain_b].traces[parts.prompt_b], 1));
    if (mixture.jsd_ab_bits <= 0) continue;  // no two points, nothing between them
    weights.push_back(mixture.weight_a);
    off_line.push_back(mixture.off_line);
    excess.push_back(std::max(mixture.jsd_a_bits, mixture.jsd_b_bits) - mixture.jsd_ab_bits);
    between += mixture.between ? 1 : 0;
  }
  const auto n = static_cast<std::int64_t>(weights.size());
  result.metric("mixed_prompts", static_cast<double>(n), "", n);
  if (n == 0) return {};
  const auto mean = [](const std::vector<double>& values) { return stats::summarize(values).mean; };
  const auto weight_interval = stats::bootstrap_mean(weights, seed);
  const auto excess_interval = stats::bootstrap_mean(excess, seed + 1);
  const double share = between / static_cast<double>(n);
  result.metric("mixed_weight", mean(weights), "", n, weight_interval);
  result.metric("mixed_off_line", mean(off_line), "", n, stats::bootstrap_mean(off_line, seed + 2));
  result.metric("mixed_jsd_excess_bits", mean(excess), "bits", n, excess_interval);
  result.metric("mixed_between", share, "", n, stats::wilson(between, static_cast<double>(n)));
  if (weight_interval.bounded() && (weight_interval.lo > 1 || weight_interval.hi < 0))
    result.judge(
        Verdict::Fail,
        fmt::format("the routing of mixed prompts lies beyond that of their parts: weight {:.2f} ({:.2f} to "
                    "{:.2f}, {} prompts), where 0 and 1 are the parts",
                    mean(weights), weight_interval.lo, weight_interval.hi, n));
  const std::string distance = fmt::format("{:.3f} bits ({:.3f} to {:.3f}, {} prompts)", mean(excess),
                                           excess_interval.lo, excess_interval.hi, n);
  if (excess_interval.bounded() && excess_interval.lo > -kSameBits)
    result.judge(Verdict::Fail,
                 "the routing of mixed prompts is no nearer to their parts than these are to each "
                 "other: the difference is " +
                     distance);
  else if (!(excess_interval.hi < 0))
    result.judge(
        Verdict::Inconclusive,
        "whether the routing of mixed prompts lies between that of their parts is open: it is nearer "
        "to them than they are to each other by " +
            distance + "; take more specialisation_prompts");
  return fmt::format("; {:.0f} of {} mixed prompts lie between their parts (weight {:.2f})", between, n,
                     mean(weights));
}

}  // namespace moestress::protocol
