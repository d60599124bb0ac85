#include "server/generations.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace moestress::server {

ApiResult<std::vector<engine::Token>> prompt_tokens(const engine::Model& model, const PromptSource& prompt) {
  std::vector<engine::Token> tokens;
  if (prompt.kind == PromptSource::Kind::Messages) {
    if (!model.has_chat_template()) {
      return tl::unexpected(bad_parameter("messages", "the model has no chat template; use /v1/completions",
                                          "no_chat_template"));
    }
    auto text = model.apply_chat_template(prompt.messages);
    if (!text) {
      return tl::unexpected(bad_parameter(
          "messages", "the model's chat template refuses these messages: " + text.error().message));
    }
    tokens = model.tokenize(*text, true, true);
  } else if (prompt.kind == PromptSource::Kind::Text) {
    tokens = model.tokenize(prompt.text, true, true);
  } else {
    tokens = prompt.tokens;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (tokens[i] >= 0 && tokens[i] < model.info().vocabulary) continue;
      return tl::unexpected(bad_parameter(fmt::format("prompt[{}]", i),
                                          fmt::format("'prompt[{}]' is {}; the vocabulary has {} tokens", i,
                                                      tokens[i], model.info().vocabulary),
                                          "invalid_value"));
    }
  }
  if (tokens.empty()) return tl::unexpected(bad_parameter("prompt", "the prompt is empty", "invalid_value"));
  return tokens;
}

ApiResult<int> completion_limit(std::optional<int> asked, std::size_t prompt_tokens, int context_tokens) {
  const auto prompt = static_cast<std::int64_t>(prompt_tokens);
  const std::int64_t wanted = asked ? *asked : std::max<std::int64_t>(context_tokens - prompt, 1);
  if (prompt + wanted > context_tokens)
    return tl::unexpected(context_exceeded(context_tokens, prompt, wanted));
  return static_cast<int>(wanted);
}

namespace {

/// What the batcher is asked for, of a request whose prompt is made into tokens here.
ApiResult<engine::Generation> prepare(const engine::Model& model, ApiRequest request, int context_tokens) {
  auto tokens = prompt_tokens(model, request.prompt);
  if (!tokens) return tl::unexpected(std::move(tokens.error()));
  const auto limit = completion_limit(request.max_tokens, tokens->size(), context_tokens);
  if (!limit) return tl::unexpected(limit.error());
  request.generation.prompt = std::move(*tokens);
  request.generation.max_tokens = *limit;
  return std::move(request.generation);
}

}  // namespace

Generations::Generations(net::EventLoop& loop, base::WorkQueue& work,
                         std::shared_ptr<const engine::Model> model, engine::Batcher& batcher,
                         Options options, const base::Logger& logger)
    : loop_(loop),
      work_(work),
      model_(std::move(model)),
      batcher_(batcher),
      options_(options),
      logger_(logger),
      seeds_(options.seed),
      events_(std::make_shared<EngineEvents>([this] { loop_.post([this] { take_events(); }); })) {}

int Generations::waiting() const {
  return std::max(0, static_cast<int>(active_.size()) - batcher_.options().slots);
}

ApiResult<std::uint64_t> Generations::begin(ApiRequest request, const std::string& id,
                                            std::unique_ptr<Reply> reply) {
  const int slots = batcher_.options().slots;
  if (static_cast<int>(active_.size()) >= slots + options_.queue_max) {
    return tl::unexpected(
        ApiError{.status = 429,
                 .message = fmt::format("all {} slots are busy and {} requests wait already; try again later",
                                        slots, waiting()),
                 .type = "rate_limit_error",
                 .code = "queue_full"});
  }
  const std::uint64_t handle = next_handle_++;
  engine::Generation& generation = request.generation;
  generation.trace = options_.trace != nullptr;
  generation.sampling.seed = request.seed ? *request.seed : seeds_.next();
  const auto placed = active_.try_emplace(handle, id, std::move(reply)).first;
  placed->second.logprobs = generation.top_logprobs >= 0;

  const int context_tokens = batcher_.options().context_tokens;
  work_.push([this, handle, context_tokens, model = model_, request = std::move(request)]() mutable {
    auto prepared = prepare(*model, std::move(request), context_tokens);
    loop_.post(
        [this, handle, prepared = std::move(prepared)]() mutable { submit(handle, std::move(prepared)); });
  });
  return handle;
}

void Generations::submit(std::uint64_t handle, ApiResult<engine::Generation> prepared) {
  const auto found = active_.find(handle);
  if (found == active_.end()) return;  // the client left meanwhile
  Active& active = found->second;
  if (!prepared) {
    active.reply->on_error(prepared.error());
    forget(handle);
    return;
  }
  active.prompt_tokens = prepared->prompt.size();
  if (options_.trace != nullptr) active.tokens = prepared->prompt;
  const auto submitted = batcher_.submit(
      std::move(*prepared),
      [events = events_, handle](const engine::GeneratedToken& token) {
        events->put({handle, token});
      },
      [events = events_, handle](engine::GenerationEnd end) {
        events->put({handle, std::move(end)});
      });
  if (!submitted) {
    active.reply->on_error(from_engine(submitted.error()));
    forget(handle);
    return;
  }
  active.submitted = true;
  active.engine_id = *submitted;
}

void Generations::cancel(std::uint64_t handle) {
  const auto found = active_.find(handle);
  if (found == active_.end()) return;
  if (!found->second.submitted) {
    forget(handle);
    return;
  }
  found->second.reply.reset();
  batcher_.cancel(found->second.engine_id);
}

void Generations::cancel_all() {
  std::vector<std::uint64_t> not_submitted;
  for (auto& [handle, active] : active_) {
    if (active.submitted) {
      batcher_.cancel(active.engine_id);
    } else {
      not_submitted.push_back(handle);
    }
  }
  for (const std::uint64_t handle : not_submitted) {
    engine::GenerationEnd cancelled;
    cancelled.finish = engine::Finish::Cancelled;
    end(handle, std::move(cancelled));
  }
}

void Generations::take_events() {
  for (EngineEvent& event : events_->take()) {
    if (auto* over = std::get_if<engine::GenerationEnd>(&event.what)) {
      end(event.generation, std::move(*over));
      continue;
    }
    const auto found = active_.find(event.generation);
    if (found != active_.end()) take_token(found->second, std::get<engine::GeneratedToken>(event.what));
  }
}

void Generations::take_token(Active& active, const engine::GeneratedToken& token) {
  if (options_.trace != nullptr) active.tokens.push_back(token.token);
  if (active.reply == nullptr) return;
  active.reply->on_text(active.logprobs ? active.text.feed(token.piece, logprob_of(token))
                                        : active.text.feed(token.piece));
}

TokenLogprob Generations::logprob_of(const engine::GeneratedToken& token) const {
  TokenLogprob logprob{
      .text = token.piece, .control = token.piece.empty(), .logprob = token.logprob, .top = {}};
  if (logprob.control) logprob.text = model_->piece(token.token, true);
  for (const auto& [other, value] : token.top) logprob.top.emplace_back(model_->piece(other, true), value);
  return logprob;
}

void Generations::end(std::uint64_t handle, engine::GenerationEnd end) {
  const auto found = active_.find(handle);
  if (found == active_.end()) return;
  Active& active = found->second;
  if (end.routing) trace(active, end);
  if (active.reply != nullptr) {
    if (end.finish == engine::Finish::Stop || end.finish == engine::Finish::Length) {
      if (const ReplyPiece rest = active.text.finish(); !rest.text.empty() || !rest.logprobs.empty()) {
        active.reply->on_text(rest);
      }
      active.reply->on_end({.finish_reason = end.finish == engine::Finish::Length ? "length" : "stop",
                            .prompt_tokens = end.prompt_tokens,
                            .completion_tokens = end.completion_tokens,
                            .prompt_time = end.prompt_time,
                            .decode_time = end.decode_time});
    } else if (end.finish == engine::Finish::Cancelled) {
      active.reply->on_error({.status = 503,
                              .message = "the server is shutting down",
                              .type = "server_error",
                              .code = "shutting_down"});
    } else {
      logger_.error("the engine failed on a generation: {}", end.error);
      active.reply->on_error(from_engine({base::ErrorCode::Internal, "the engine failed: " + end.error}));
    }
  }
  forget(handle);
}

void Generations::trace(Active& active, engine::GenerationEnd& end) {
  TracedRequest request{.id = active.id,
                        .ended_unix_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                                             std::chrono::system_clock::now().time_since_epoch())
                                             .count(),
                        .prompt_tokens = static_cast<std::uint32_t>(active.prompt_tokens),
                        .tokens = std::move(active.tokens),
                        .routing = std::move(*end.routing)};
  // The batcher keeps the tokens of a stop string to itself; their routing goes with them.
  record::RoutingTrace& routing = request.routing;
  if (routing.tokens > request.tokens.size()) {
    routing.tokens = request.tokens.size();
    const std::size_t entries = routing.tokens * routing.layers.size() * static_cast<std::size_t>(routing.k);
    routing.ids.resize(entries);
    routing.weights.resize(entries);
  }
  work_.push([writer = options_.trace, logger = logger_, request = std::move(request)] {
    if (auto status = writer->append(request); !status) logger.error("{}", status.error().message);
  });
}

void Generations::forget(std::uint64_t handle) {
  active_.erase(handle);
  if (active_.empty() && idle_) idle_();
}

}  // namespace moestress::server
