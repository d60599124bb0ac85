#include "workload/production_mix.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/check.h"
#include "base/random.h"

namespace moestress::workload {
namespace {

constexpr int kReplyTokensMin = 4;
constexpr double kReplySigma = 0.9;
constexpr double kPromptCharactersMedian = 100;
constexpr double kPromptSigma = 0.8;

double log_normal(base::Random& random, double median, double sigma) {
  return median * std::exp(sigma * random.normal());
}

const Way& draw_way(const std::vector<Way>& ways, base::Random& random) {
  double total = 0;
  for (const Way& way : ways) total += way.weight;
  double left = random.uniform() * total;
  for (const Way& way : ways) {
    left -= way.weight;
    if (left < 0) return way;
  }
  return ways.back();
}

/// Of a domain drawn at random, one of the three prompts nearest in length: more than one text a length.
const Prompt& draw_prompt(const ProductionMix& mix, base::Random& random) {
  const int characters_max = mix.prompt_characters_max;
  const PromptLibrary& library = mix.library != nullptr ? *mix.library : built_in_library();
  constexpr std::size_t kNearest = 3;
  const auto set = library.of(kDomains[random.below(kDomains.size())]);
  double length = log_normal(random, kPromptCharactersMedian, kPromptSigma);
  if (characters_max > 0) length = std::min(length, static_cast<double>(characters_max));
  std::vector<const Prompt*> nearest;
  for (const Prompt& prompt : set)
    if (characters_max == 0 || prompt.text.size() <= static_cast<std::size_t>(characters_max))
      nearest.push_back(&prompt);
  CHECK(!nearest.empty());
  const auto distance = [length](const Prompt* prompt) {
    return std::abs(static_cast<double>(prompt->text.size()) - length);
  };
  std::stable_sort(nearest.begin(), nearest.end(),
                   [&](const Prompt* a, const Prompt* b) { return distance(a) < distance(b); });
  return *nearest[random.below(std::min(kNearest, nearest.size()))];
}

}  // namespace

std::vector<record::Request> production_requests(std::size_t count, RequestIds& ids, base::SessionId session,
                                                 const ProductionMix& mix, std::uint64_t seed) {
  CHECK(!mix.ways.empty() && mix.reply_tokens_max > 0);
  base::Random random(base::derive_seed(seed, "production mix"));
  std::vector<record::Request> requests;
  requests.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Way& way = draw_way(mix.ways, random);
    const Prompt& prompt = draw_prompt(mix, random);
    const double tokens = log_normal(random, mix.reply_tokens_max / 4.0, kReplySigma);
    RequestShape shape;
    shape.endpoint = way.endpoint;
    shape.stream = way.stream;
    shape.ignore_eos = mix.ignore_eos;
    shape.max_tokens = std::clamp(static_cast<int>(std::min(tokens, 1e9)),
                                  std::min(kReplyTokensMin, mix.reply_tokens_max), mix.reply_tokens_max);
    requests.push_back(make_request(prompt, ids.next(), session, shape));
    requests.back().label = fmt::format("{}{} {}", record::to_string(way.endpoint),
                                        way.stream ? "" : " whole", requests.back().label);
  }
  return requests;
}

}  // namespace moestress::workload
