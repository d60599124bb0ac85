#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "engine/model.h"
#include "record/request.h"
#include "record/routing.h"

namespace moestress::engine {

struct ContextOptions {
  int slots = 4;              ///< sequences decoded together
  int context_tokens = 2048;  ///< per slot
  int threads = 0;            ///< 0: one per physical core; one beside a software device
  int batch_tokens = 512;
  bool trace_routing = false;  ///< costs speed: never while timing
  /// The same function in other rounding: no flash attention, a KV cache in F32. To learn how far rounding
  /// alone carries.
  bool other_rounding = false;
};

struct Generation {
  std::vector<Token> prompt;
  int max_tokens = 64;
  bool ignore_eos = false;
  record::Sampling sampling;
  std::vector<std::string> stop;  ///< at most 16, of 1 to 1024 bytes; they and what follows are not given out
  int top_logprobs = -1;          ///< -1: no logprobs; 0: of the chosen token; n: and the n best
  bool trace = false;  ///< give back the routing of prompt and reply (needs ContextOptions::trace_routing)
};

struct GeneratedToken {
  Token token = 0;
  std::string piece;  ///< raw bytes, may be part of a character; "" for control tokens
  float logprob = 0;  ///< natural logarithm, of the untempered distribution; only if logprobs were asked for
  std::vector<std::pair<Token, float>> top;
};

enum class Finish { Stop, Length, Cancelled, Error };

struct GenerationEnd {
  Finish finish = Finish::Stop;
  std::string error;
  int prompt_tokens = 0;
  int completion_tokens = 0;  ///< sampled tokens, the end-of-generation token not counted
  base::Duration prompt_time{0};
  base::Duration decode_time{0};
  /// Of all tokens that were evaluated: the prompt and the reply but for its last sampled one.
  std::optional<record::RoutingTrace> routing;
};

struct BatcherStats {
  int slots = 0;
  int slots_busy = 0;
  int queued = 0;
  std::uint64_t prompt_tokens_total = 0;
  std::uint64_t completion_tokens_total = 0;
  std::uint64_t decode_calls_total = 0;
  std::uint64_t requests_total = 0;
  std::uint64_t cancelled_total = 0;
};

/// Continuous batching over the slots of one context, on a thread of its own: a request is admitted while
/// others decode, prompts are fed in chunks beside them, a cancelled one frees its slot before the next
/// batch. Any thread may call; callbacks come on the batcher's thread and must not block.
class Batcher {
 public:
  using OnToken = std::function<void(const GeneratedToken&)>;
  using OnEnd = std::function<void(GenerationEnd)>;

  static base::Result<std::unique_ptr<Batcher>> start(std::shared_ptr<const Model> model,
                                                      const ContextOptions& options,
                                                      const base::Logger& logger);
  /// Ends every generation as Cancelled and joins the thread.
  ~Batcher();

  /// Queues a generation and gives its id. Errors: Limit (prompt and max_tokens pass the slot's context; the
  /// text names both numbers), Usage (empty prompt, top_logprobs out of range).
  base::Result<std::uint64_t> submit(Generation generation, OnToken on_token, OnEnd on_end);
  /// Ends it as Cancelled, queued or running. Unknown ids are ignored: it may have ended just now.
  void cancel(std::uint64_t id);

  BatcherStats stats() const;
  std::vector<MemoryUse> memory() const;
  const ContextOptions& options() const;

 private:
  Batcher();
  class Worker;
  std::unique_ptr<Worker> worker_;
};

}  // namespace moestress::engine
