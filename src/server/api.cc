#include "server/api.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"
#include "server/bearer.h"
#include "server/json_text.h"
#include "server/metrics_text.h"
#include "server/openai_reply.h"
#include "server/shimmy_reply.h"

namespace moestress::server {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kModelPrefix = "/v1/models/";

std::int64_t unix_seconds(const base::Clock& clock) {
  return std::chrono::duration_cast<std::chrono::seconds>(clock.wall_now().time_since_epoch()).count();
}

Json model_entry(const std::string& id, std::int64_t created) {
  return {{"id", id}, {"object", "model"}, {"created", created}, {"owned_by", "moestress"}};
}

}  // namespace

struct Api::Route {
  const char* method;
  const char* path;
  void (Api::*handler)(const net::ServerRequest&, const Shared&);
  enum class Needs { Nothing, Key, Model, Generation } needs;
};

const Api::Route Api::kRoutes[] = {
    {"GET", "/health", &Api::get_health, Route::Needs::Nothing},
    {"GET", "/v1/models", &Api::get_models, Route::Needs::Key},
    {"GET", "/api/models", &Api::get_shimmy_models, Route::Needs::Model},
    {"GET", "/props", &Api::get_props, Route::Needs::Model},
    {"GET", "/metrics", &Api::get_metrics, Route::Needs::Key},
    {"POST", "/v1/chat/completions", &Api::post_chat, Route::Needs::Generation},
    {"POST", "/v1/completions", &Api::post_completion, Route::Needs::Generation},
    {"POST", "/api/generate", &Api::post_shimmy, Route::Needs::Generation},
    {"POST", "/tokenize", &Api::post_tokenize, Route::Needs::Model},
    {"POST", "/detokenize", &Api::post_detokenize, Route::Needs::Model},
};

Api::Api(net::EventLoop& loop, base::WorkQueue& work, const ServeOptions& options, std::uint64_t seed)
    : loop_(loop),
      work_(work),
      options_(options),
      model_id_(served_id(options.load.path)),
      started_(clock_.now()),
      ids_(seed) {}

void Api::model_ready(const LoadedModel& loaded, Generations& generations) {
  loaded_ = &loaded;
  generations_ = &generations;
}

const Api::Route* Api::find_route(const net::ServerRequest& request, const Route*& other_method) {
  for (const Route& route : kRoutes) {
    if (request.path != route.path) continue;
    if (request.method == route.method) return &route;
    other_method = &route;
  }
  return nullptr;
}

void Api::handle(const net::ServerRequest& request, net::Responder responder) {
  const Route* other_method = nullptr;
  const Route* const route = find_route(request, other_method);
  const bool one_model = request.method == "GET" && request.path.starts_with(kModelPrefix);
  const char* const endpoint = route != nullptr          ? route->path
                               : other_method != nullptr ? other_method->path
                               : one_model               ? "/v1/models/{id}"
                                                         : "other";
  const auto exchange = std::make_shared<Exchange>(std::move(responder), endpoint, counters_);
  const bool open = route != nullptr && route->needs == Route::Needs::Nothing;
  if (!open && !authorised(request)) {
    exchange->send_error({.status = 401,
                          .message = "a valid API key is needed: send 'Authorization: Bearer <key>'",
                          .code = "invalid_api_key"});
  } else if (route != nullptr) {
    dispatch(*route, request, exchange);
  } else if (one_model) {
    get_model(request.path.substr(kModelPrefix.size()), exchange);
  } else if (other_method != nullptr) {
    const ApiError error{.status = 405,
                         .message = fmt::format("{} takes {} only", other_method->path, other_method->method),
                         .code = "method_not_allowed"};
    exchange->send(405, kJsonContentType, error_body(error), {{"Allow", other_method->method}});
  } else {
    exchange->send_error(
        {.status = 404,
         .message = fmt::format("there is nothing at {} {}", base::printable(request.method, 20),
                                base::printable(request.path, 200)),
         .code = "unknown_url"});
  }
}

void Api::dispatch(const Route& route, const net::ServerRequest& request, const Shared& exchange) {
  const auto error = unavailable();
  // A draining server still tokenises and tells of itself.
  const bool refused =
      route.needs == Route::Needs::Generation || (route.needs == Route::Needs::Model && loaded_ == nullptr);
  if (error && refused) {
    exchange->send_error(*error);
  } else {
    (this->*route.handler)(request, exchange);
  }
}

bool Api::authorised(const net::ServerRequest& request) const {
  if (options_.api_key.empty()) return true;
  const std::string* header = request.header("authorization");
  return header != nullptr && bearer_matches(*header, options_.api_key);
}

std::optional<ApiError> Api::unavailable() const {
  ApiError error{.status = 503, .type = "server_error"};
  if (draining_) {
    error.message = "the server is shutting down";
    error.code = "shutting_down";
  } else if (loaded_ == nullptr) {
    error.message = "the model is still loading";
    error.code = "loading";
  } else {
    return std::nullopt;
  }
  return error;
}

void Api::get_health(const net::ServerRequest&, const Shared& exchange) {
  if (draining_) {
    exchange->send_json(503, to_text({{"status", "draining"}}));
  } else if (loaded_ == nullptr) {
    exchange->send_json(503, to_text({{"status", "loading"}, {"progress", progress.load()}}));
  } else {
    exchange->send_json(200,
                        to_text({{"status", "ok"}, {"service", "moestress"}, {"version", options_.version}}));
  }
}

void Api::get_models(const net::ServerRequest&, const Shared& exchange) {
  Json data = Json::array();
  if (loaded_ != nullptr) data.push_back(model_entry(model_id_, unix_seconds(clock_)));
  exchange->send_json(200, to_text({{"object", "list"}, {"data", std::move(data)}}));
}

void Api::get_model(const std::string& id, const Shared& exchange) {
  if (loaded_ != nullptr && id == model_id_) {
    exchange->send_json(200, to_text(model_entry(model_id_, unix_seconds(clock_))));
    return;
  }
  exchange->send_error(
      {.status = 404,
       .message = fmt::format("the model '{}' does not exist here", base::printable(id, 200)),
       .param = "model",
       .code = "model_not_found"});
}

void Api::get_shimmy_models(const net::ServerRequest&, const Shared& exchange) {
  exchange->send_json(
      200, shimmy_models_json(model_id_, loaded_->served.info.file_bytes, loaded_->served.info.architecture));
}

void Api::get_props(const net::ServerRequest&, const Shared& exchange) {
  exchange->send_json(200, to_text(props_json(loaded_->served, loaded_->batcher->memory())));
}

void Api::get_metrics(const net::ServerRequest&, const Shared& exchange) {
  MetricsSnapshot snapshot{.counters = &counters_,
                           .version = options_.version,
                           .uptime_seconds = base::to_seconds(clock_.now() - started_),
                           .connections = connections_ ? connections_() : 0};
  if (loaded_ != nullptr) {
    snapshot.waiting = generations_->waiting();
    snapshot.engine = loaded_->batcher->stats();
    snapshot.memory = loaded_->batcher->memory();
  }
  exchange->send(200, kMetricsContentType, metrics_text(snapshot));
}

ApiResult<ApiRequest> Api::parse(const std::string& body,
                                 ApiResult<ApiRequest> (*parse_body)(const nlohmann::json&)) const {
  const auto json = parse_json(body);
  if (!json) return tl::unexpected(ApiError{.message = json.error().message, .code = "invalid_json"});
  auto request = parse_body(*json);
  if (!request) return request;
  // llama-server answers whatever name is asked for; we don't, since a figure would then be filed under a
  // model that never ran. No name at all is taken as "the one that is served".
  if (request->model.empty() || request->model == model_id_ || request->model == model_id_ + ".gguf")
    return request;
  return tl::unexpected(
      ApiError{.status = 404,
               .message = fmt::format("the model '{}' does not exist here; this server serves '{}'",
                                      base::printable(request->model, 200), model_id_),
               .param = "model",
               .code = "model_not_found"});
}

void Api::post_chat(const net::ServerRequest& request, const Shared& exchange) {
  post_openai(request.body, exchange, "chatcmpl-", parse_chat_request);
}

void Api::post_completion(const net::ServerRequest& request, const Shared& exchange) {
  post_openai(request.body, exchange, "cmpl-", parse_completion_request);
}

void Api::post_openai(const std::string& body, const Shared& exchange, const char* id_prefix,
                      ApiResult<ApiRequest> (*parse_body)(const nlohmann::json&)) {
  auto request = parse(body, parse_body);
  if (!request) {
    exchange->send_error(request.error());
    return;
  }
  ReplyIdentity identity{.endpoint = request->endpoint,
                         .id = draw_id(id_prefix),
                         .created = unix_seconds(clock_),
                         .model = model_id_,
                         .system_fingerprint = "moestress-" + options_.version,
                         .logprobs = request->generation.top_logprobs >= 0,
                         .include_usage = request->include_usage};
  const std::string id = identity.id;
  auto reply = std::make_unique<OpenAiReply>(exchange, std::move(identity), request->stream);
  begin(std::move(*request), id, exchange, std::move(reply));
}

void Api::post_shimmy(const net::ServerRequest& request, const Shared& exchange) {
  auto parsed = parse(request.body, parse_shimmy_request);
  if (!parsed) {
    exchange->send_error(parsed.error());
    return;
  }
  auto reply = std::make_unique<ShimmyHttpReply>(exchange, parsed->stream);
  begin(std::move(*parsed), draw_id("gen-"), exchange, std::move(reply));
}

void Api::begin(ApiRequest request, const std::string& id, const Shared& exchange,
                std::unique_ptr<Reply> reply) {
  const auto handle = generations_->begin(std::move(request), id, std::move(reply));
  if (!handle) {
    exchange->send_error(handle.error());
    return;
  }
  exchange->on_disconnect([generations = generations_, handle = *handle] { generations->cancel(handle); });
}

std::string Api::draw_id(const char* prefix) {
  return fmt::format("{}{:016x}{:08x}", prefix, ids_.next(), ids_.next() >> 32U);
}

}  // namespace moestress::server
