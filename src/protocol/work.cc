#include "protocol/work.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "workload/prompts.h"
#include "workload/requests.h"

namespace moestress::protocol {
namespace {

double prompt_tokens(const WorkInput& input, const workload::Prompt& prompt) {
  const auto request =
      workload::make_request(prompt, base::RequestId{0}, base::SessionId{0}, workload::RequestShape{});
  const std::int64_t rendered = input.facts.count_prompt_tokens(request);
  return static_cast<double>(rendered >= 0 ? rendered : input.facts.count_tokens(prompt.text));
}

}  // namespace

std::uint64_t seed_for(const WorkInput& input, std::string_view purpose) {
  return base::derive_seed(input.plan.seed, fmt::format("{}/{}", input.facts.name, purpose));
}

double mean_prompt_tokens(const WorkInput& input, int characters_max) {
  double sum = 0, n = 0;
  for (const auto domain : workload::kDomains)
    for (const auto& prompt : input.prompts.of(domain)) {
      if (characters_max > 0 && prompt.text.size() > static_cast<std::size_t>(characters_max)) continue;
      sum += prompt_tokens(input, prompt);
      n += 1;
    }
  return n > 0 ? sum / n : 0;
}

std::int64_t template_tokens(const WorkInput& input) {
  const workload::Prompt prompt{"", workload::Domain::Conversation, "river"};
  return std::max<std::int64_t>(
      0, std::llround(prompt_tokens(input, prompt)) - input.facts.count_tokens(prompt.text));
}

int room_for_prompt(const plan::Plan& plan, int reply_tokens) {
  constexpr int kTemplateTokens = 64;  // of any template, generously
  return plan.target.context_tokens - reply_tokens - kTemplateTokens;
}

PromptTokens short_prompts(const WorkInput& input, std::size_t count) {
  PromptTokens found;
  for (const auto& prompt : input.prompts.shortest(count)) {
    ++found.count;
    found.mean += prompt_tokens(input, prompt);
  }
  if (found.count > 0) found.mean /= static_cast<double>(found.count);
  return found;
}

PromptTokens first_prompts(const WorkInput& input, workload::Domain domain, std::size_t count,
                           int characters_max) {
  PromptTokens found;
  for (const auto& prompt : input.prompts.of(domain)) {
    if (static_cast<std::size_t>(found.count) == count) break;
    if (characters_max > 0 && prompt.text.size() > static_cast<std::size_t>(characters_max)) continue;
    ++found.count;
    found.mean += prompt_tokens(input, prompt);
  }
  if (found.count > 0) found.mean /= static_cast<double>(found.count);
  return found;
}

}  // namespace moestress::protocol
