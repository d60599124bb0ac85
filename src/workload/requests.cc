#include "workload/requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/check.h"
#include "base/random.h"

namespace moestress::workload {
namespace {

constexpr int kShortTokensMin = 8;

/// Gives out a set's members in an order of its own for each pass.
class Deck {
 public:
  Deck(std::vector<const Prompt*> cards, std::uint64_t seed) : cards_(std::move(cards)), random_(seed) {
    CHECK(!cards_.empty());
  }

  const Prompt& draw() {
    if (next_ == 0) random_.shuffle(cards_);
    const Prompt& drawn = *cards_[next_];
    next_ = (next_ + 1) % cards_.size();
    return drawn;
  }

 private:
  std::vector<const Prompt*> cards_;
  base::Random random_;
  std::size_t next_ = 0;
};

/// The shorter and the longer half of a domain's prompts within the bound, by length of the text.
std::pair<std::vector<const Prompt*>, std::vector<const Prompt*>> halves(Domain domain,
                                                                         const RequestShape& shape) {
  CHECK(shape.prompt_characters_max == 0 || shape.prompt_characters_max >= kShortPromptCharacters);
  std::vector<const Prompt*> sorted;
  const PromptLibrary& library = shape.library != nullptr ? *shape.library : built_in_library();
  for (const Prompt& prompt : library.of(domain))
    if (shape.prompt_characters_max == 0 ||
        prompt.text.size() <= static_cast<std::size_t>(shape.prompt_characters_max))
      sorted.push_back(&prompt);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Prompt* a, const Prompt* b) { return a->text.size() < b->text.size(); });
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>((sorted.size() + 1) / 2);
  return {{sorted.begin(), middle},
          {sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2), sorted.end()}};
}

RequestShape shortened(RequestShape shape) {
  shape.max_tokens = std::max(kShortTokensMin, shape.max_tokens / 4);
  return shape;
}

}  // namespace

record::Request make_request(const Prompt& prompt, base::RequestId id, base::SessionId session,
                             const RequestShape& shape) {
  record::Request request;
  request.id = id;
  request.session = session;
  request.endpoint = shape.endpoint;
  request.label = to_string(prompt.domain);
  if (shape.endpoint == record::Endpoint::Chat) {
    request.messages.push_back({"user", prompt.text});
  } else {
    request.prompt = prompt.text;
  }
  request.max_tokens = shape.max_tokens;
  request.ignore_eos = shape.ignore_eos;
  request.stream = shape.stream;
  request.sampling = shape.sampling;
  return request;
}

std::vector<record::Request> make_requests(std::span<const Prompt> set, std::size_t count, RequestIds& ids,
                                           base::SessionId session, const RequestShape& shape,
                                           std::uint64_t seed) {
  std::vector<const Prompt*> cards;
  for (const Prompt& prompt : set) cards.push_back(&prompt);
  Deck deck(std::move(cards), base::derive_seed(seed, "prompt order"));
  std::vector<record::Request> requests;
  requests.reserve(count);
  for (std::size_t i = 0; i < count; ++i)
    requests.push_back(make_request(deck.draw(), ids.next(), session, shape));
  return requests;
}

std::vector<record::Request> mixed_requests(std::size_t count, RequestIds& ids, base::SessionId session,
                                            const RequestShape& shape, std::uint64_t seed) {
  std::vector<const Prompt*> shorts, longs;
  for (const Domain domain : kDomains) {
    const auto [shorter, longer] = halves(domain, shape);
    shorts.insert(shorts.end(), shorter.begin(), shorter.end());
    longs.insert(longs.end(), longer.begin(), longer.end());
  }
  Deck short_deck(std::move(shorts), base::derive_seed(seed, "short prompts"));
  Deck long_deck(std::move(longs), base::derive_seed(seed, "long prompts"));
  const RequestShape short_shape = shortened(shape);
  std::vector<record::Request> requests;
  requests.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const bool is_short = i % 2 == 0;
    const Prompt& prompt = is_short ? short_deck.draw() : long_deck.draw();
    requests.push_back(make_request(prompt, ids.next(), session, is_short ? short_shape : shape));
  }
  return requests;
}

Domain session_domain(int session) {
  CHECK(session >= 0);
  return kDomains[static_cast<std::size_t>(session) % kDomains.size()];
}

std::vector<record::Request> session_requests(int session, std::size_t rounds, RequestIds& ids,
                                              const RequestShape& shape, std::uint64_t seed) {
  const auto [shorter, longer] = halves(session_domain(session), shape);
  Deck short_deck(shorter, base::derive_seed(seed, fmt::format("session {} short", session)));
  Deck long_deck(longer, base::derive_seed(seed, fmt::format("session {} long", session)));
  std::vector<record::Request> requests;
  requests.reserve(rounds);
  for (std::size_t round = 0; round < rounds; ++round) {
    // Odd sessions begin with a long one, so that at any time both kinds are there.
    const bool is_short = (round + static_cast<std::size_t>(session)) % 2 == 0;
    const Prompt& prompt = is_short ? short_deck.draw() : long_deck.draw();
    requests.push_back(make_request(prompt, ids.next(), base::SessionId{session}, shape));
  }
  return requests;
}

}  // namespace moestress::workload
