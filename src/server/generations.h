#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/log.h"
#include "base/random.h"
#include "base/work_queue.h"
#include "engine/batcher.h"
#include "engine/model.h"
#include "net/event_loop.h"
#include "server/engine_events.h"
#include "server/openai_request.h"
#include "server/reply.h"
#include "server/trace_file.h"

namespace moestress::server {

/// The prompt as tokens, from whatever it was given as. Errors (400): no chat template, a token id outside
/// the vocabulary, an empty prompt. Any thread.
ApiResult<std::vector<engine::Token>> prompt_tokens(const engine::Model& model, const PromptSource& prompt);

/// The tokens that the reply may have: as asked, else what the context leaves. Errors:
/// context_length_exceeded.
ApiResult<int> completion_limit(std::optional<int> asked, std::size_t prompt_tokens, int context_tokens);

/// What runs and what waits: takes requests up to a bound, has them tokenised, gives them to the batcher, and
/// feeds its tokens to their replies. Loop thread only, but for its construction. Outlived by the loop, the
/// model, the work queue; must be destroyed only when loop and batcher have ended.
class Generations {
 public:
  struct Options {
    int queue_max = 64;            ///< requests that may wait beyond those that have a slot
    std::uint64_t seed = 0;        ///< for requests that bring none
    TraceWriter* trace = nullptr;  ///< may be null; used on the work queue's thread
  };

  Generations(net::EventLoop& loop, base::WorkQueue& work, std::shared_ptr<const engine::Model> model,
              engine::Batcher& batcher, Options options, const base::Logger& logger);

  /// Takes a request; `reply` hears of everything that follows. Gives a handle for cancel(), or refuses
  /// (429).
  ApiResult<std::uint64_t> begin(ApiRequest request, const std::string& id, std::unique_ptr<Reply> reply);
  /// The client is gone: ends it, and its reply hears nothing more.
  void cancel(std::uint64_t handle);
  /// Ends all that run; their replies get 503.
  void cancel_all();

  std::size_t active() const { return active_.size(); }
  int waiting() const;
  /// Called whenever the last active one has ended.
  void on_idle(std::function<void()> callback) { idle_ = std::move(callback); }

 private:
  struct Active {
    Active(std::string reply_id, std::unique_ptr<Reply> to) : id(std::move(reply_id)), reply(std::move(to)) {}
    std::string id;
    std::unique_ptr<Reply> reply;  ///< null once the client is gone
    ReplyText text;
    bool logprobs = false;
    bool submitted = false;
    std::uint64_t engine_id = 0;
    std::vector<engine::Token> tokens;  ///< prompt and reply, where they are traced
    std::size_t prompt_tokens = 0;
  };

  void submit(std::uint64_t handle, ApiResult<engine::Generation> prepared);
  void take_events();
  void take_token(Active& active, const engine::GeneratedToken& token);
  void end(std::uint64_t handle, engine::GenerationEnd end);
  void trace(Active& active, engine::GenerationEnd& end);
  void forget(std::uint64_t handle);
  TokenLogprob logprob_of(const engine::GeneratedToken& token) const;

  net::EventLoop& loop_;
  base::WorkQueue& work_;
  std::shared_ptr<const engine::Model> model_;
  engine::Batcher& batcher_;
  Options options_;
  const base::Logger logger_;
  base::Random seeds_;
  std::shared_ptr<EngineEvents> events_;
  std::unordered_map<std::uint64_t, Active> active_;
  std::uint64_t next_handle_ = 1;
  std::function<void()> idle_;
};

}  // namespace moestress::server
