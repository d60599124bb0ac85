#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "record/request.h"
#include "workload/prompts.h"

namespace moestress::workload {

/// What the requests of one test have in common.
struct RequestShape {
  record::Endpoint endpoint = record::Endpoint::Chat;
  int max_tokens = 64;
  bool ignore_eos = false;
  bool stream = true;
  record::Sampling sampling;
  /// Longer prompts are not drawn (mixed_requests, session_requests); 0: any length. Every domain has prompts
  /// of kShortPromptCharacters.
  int prompt_characters_max = 0;
  /// What mixed_requests and session_requests draw from; null: the built-in sets. Outlives the shape.
  const PromptLibrary* library = nullptr;
};

/// The least bound on prompts that leaves every domain some.
inline constexpr int kShortPromptCharacters = 80;

/// Gives out ids that are unique in a run. One owner, one thread.
class RequestIds {
 public:
  explicit RequestIds(std::int64_t first = 0) : next_(first) {}
  base::RequestId next() { return base::RequestId{next_++}; }

 private:
  std::int64_t next_;
};

/// One request from a prompt: a single user message for Chat, the bare text for the other endpoints. Its
/// label is the domain's name.
record::Request make_request(const Prompt& prompt, base::RequestId id, base::SessionId session,
                             const RequestShape& shape);

/// `count` requests, each from another prompt of the set in an order drawn from `seed`; the set is begun
/// again in another order when it is used up.
std::vector<record::Request> make_requests(std::span<const Prompt> set, std::size_t count, RequestIds& ids,
                                           base::SessionId session, const RequestShape& shape,
                                           std::uint64_t seed);

/// `count` requests over all domains; every other one is short (shape.max_tokens / 4, at least 8, from the
/// shorter half of a set's prompts), the rest are long (shape.max_tokens, from the longer half).
std::vector<record::Request> mixed_requests(std::size_t count, RequestIds& ids, base::SessionId session,
                                            const RequestShape& shape, std::uint64_t seed);

/// The prompt class of a parallel session: sessions 0–7 differ, then they repeat.
Domain session_domain(int session);

/// The requests of parallel session `session` (0, 1, …): `rounds` of its own class, short and long prompts in
/// turn.
std::vector<record::Request> session_requests(int session, std::size_t rounds, RequestIds& ids,
                                              const RequestShape& shape, std::uint64_t seed);

/// Plain English prose of about `tokens` tokens, to fill a context with: within 2 % for a vocabulary of
/// 49,000 entries (SmolLM2, which the reference models share); twice as many for one of 850. The same seed
/// gives the same text, and a longer one begins with a shorter one, so that a caller who has the tokenizer
/// can cut it to measure.
std::string filler_text(int tokens, std::uint64_t seed);

}  // namespace moestress::workload
