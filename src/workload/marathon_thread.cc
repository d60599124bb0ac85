#include "workload/marathon_thread.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "base/random.h"

namespace moestress::workload {
namespace {

constexpr std::array<std::pair<Domain, Domain>, 3> kKinds{{{Domain::Creative, Domain::Literature},
                                                           {Domain::Code, Domain::Documentation},
                                                           {Domain::Math, Domain::Science}}};
/// What a template puts around a message, and what joining texts may add, is less than this.
constexpr int kTurnMarginTokens = 32;

}  // namespace

MarathonThread::MarathonThread(const MarathonShape& shape, int index, record::ThreadPosition position)
    : shape_(shape), index_(index), position_(position) {
  const int limit = shape.request.prompt_characters_max;
  const std::int64_t room = shape.context_tokens - shape.request.max_tokens - kTurnMarginTokens;
  for (const auto& [first, second] : kKinds) {
    std::vector<Card> cards;
    for (const Domain domain : {first, second})
      for (const Prompt& prompt : prompts(domain)) {
        if (limit > 0 && prompt.text.size() > static_cast<std::size_t>(limit)) continue;
        const std::int64_t tokens = shape.count_tokens(prompt.text);
        if (tokens <= room) cards.push_back({&prompt, tokens});
      }
    if (!cards.empty()) kinds_.push_back(std::move(cards));
  }
}

bool MarathonThread::has_prompts() const { return !kinds_.empty(); }

const MarathonThread::Card& MarathonThread::card_of(std::int64_t turn) const {
  // Threads begin with different kinds, so that at any time all of them are there.
  const auto step = static_cast<std::uint64_t>(turn + index_);
  const auto& cards = kinds_[step % kinds_.size()];
  const std::uint64_t place = step / kinds_.size();
  std::vector<std::size_t> order(cards.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  base::Random random(base::derive_seed(
      shape_.seed,
      fmt::format("thread {} kind {} pass {}", index_, step % kinds_.size(), place / cards.size())));
  random.shuffle(order);
  return cards[order[place % cards.size()]];
}

void MarathonThread::take(const record::Outcome& previous) {
  if (previous.ending != record::Ending::Cancelled) ++position_.turns;
  if (previous.ok() && previous.prompt_tokens >= 0 && previous.completion_tokens >= 0 && !history_.empty()) {
    const std::size_t answer = std::min(previous.reasoning_bytes, previous.text.size());
    history_.push_back({"assistant", previous.text.substr(answer)});
    history_tokens_ = previous.prompt_tokens + previous.completion_tokens;
  } else {
    history_.clear();
  }
}

record::Request MarathonThread::next(RequestIds& ids, base::SessionId session,
                                     const record::Outcome* previous) {
  CHECK(has_prompts());
  if (previous != nullptr) take(*previous);
  const Card& card = card_of(position_.turns);
  const std::int64_t needed = history_tokens_ + card.tokens + kTurnMarginTokens + shape_.request.max_tokens;
  if (history_.empty() || needed > shape_.context_tokens) {
    history_.clear();
    history_tokens_ = 0;
    ++position_.conversations;
  }
  RequestShape shape = shape_.request;
  shape.sampling.seed =
      base::derive_seed(shape_.seed, fmt::format("thread {} turn {}", index_, position_.turns)) >> 1;
  record::Request request = make_request(*card.prompt, ids.next(), session, shape);
  request.reuse_prefix = true;  // an assistant's server may keep what it has read
  history_.push_back({"user", card.prompt->text});
  request.messages = history_;
  return request;
}

}  // namespace moestress::workload
