#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "record/request.h"
#include "workload/requests.h"

namespace moestress::workload {

/// One way of asking, and its weight in the traffic.
struct Way {
  record::Endpoint endpoint = record::Endpoint::Chat;
  bool stream = true;
  double weight = 1;
};

/// Traffic as a service sees it: most requests are short, a few are long, and not all come in the same way.
struct ProductionMix {
  std::vector<Way> ways;  ///< at least one
  /// Reply lengths are log-normal: median a quarter of this, σ 0.9, cut to [4, this].
  int reply_tokens_max = 64;
  /// Prompt lengths are log-normal: median 100 characters, σ 0.8, at most this; 0: any. The prompt nearest in
  /// length of a domain drawn at random is taken.
  int prompt_characters_max = 0;
  /// Where prompts are drawn from; null: the built-in sets. Outlives the mix.
  const PromptLibrary* library = nullptr;
  bool ignore_eos = false;
};

/// `count` requests drawn from `seed`, greedy. Their label is the way and the domain, "chat code".
std::vector<record::Request> production_requests(std::size_t count, RequestIds& ids, base::SessionId session,
                                                 const ProductionMix& mix, std::uint64_t seed);

}  // namespace moestress::workload
