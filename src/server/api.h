#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/work_queue.h"
#include "net/event_loop.h"
#include "net/http_server.h"
#include "server/counters.h"
#include "server/exchange.h"
#include "server/generations.h"
#include "server/loaded_model.h"
#include "server/openai_request.h"

namespace moestress::server {

/// The routes: what each path answers in each state of the server. Owned by the server; loop thread only, but
/// for `progress`.
class Api {
 public:
  Api(net::EventLoop& loop, base::WorkQueue& work, const ServeOptions& options, std::uint64_t seed);

  void handle(const net::ServerRequest& request, net::Responder responder);
  bool handle_websocket(const net::ServerRequest& request, net::WebSocketPeer peer);

  /// From now on the model's routes answer. Both outlive this.
  void model_ready(const LoadedModel& loaded, Generations& generations);
  /// From now on nothing new is begun.
  void refuse_new() { draining_ = true; }
  void count_connections_with(std::function<int()> count) { connections_ = std::move(count); }

  std::atomic<float> progress{0};  ///< of loading, 0..1; any thread

 private:
  using Shared = std::shared_ptr<Exchange>;
  struct Route;
  static const Route kRoutes[];
  struct SocketSession;

  void get_health(const net::ServerRequest& request, const Shared& exchange);
  void get_models(const net::ServerRequest& request, const Shared& exchange);
  void get_shimmy_models(const net::ServerRequest& request, const Shared& exchange);
  void get_props(const net::ServerRequest& request, const Shared& exchange);
  void get_metrics(const net::ServerRequest& request, const Shared& exchange);
  void post_chat(const net::ServerRequest& request, const Shared& exchange);
  void post_completion(const net::ServerRequest& request, const Shared& exchange);
  void post_shimmy(const net::ServerRequest& request, const Shared& exchange);
  void post_tokenize(const net::ServerRequest& request, const Shared& exchange);
  void post_detokenize(const net::ServerRequest& request, const Shared& exchange);

  static const Route* find_route(const net::ServerRequest& request, const Route*& other_method);
  void get_model(const std::string& id, const Shared& exchange);
  void dispatch(const Route& route, const net::ServerRequest& request, const Shared& exchange);
  bool authorised(const net::ServerRequest& request) const;
  /// Why nothing can be generated now, if so.
  std::optional<ApiError> unavailable() const;
  ApiResult<ApiRequest> parse(const std::string& body,
                              ApiResult<ApiRequest> (*parse_body)(const nlohmann::json&)) const;
  void post_openai(const std::string& body, const Shared& exchange, const char* id_prefix,
                   ApiResult<ApiRequest> (*parse_body)(const nlohmann::json&));
  void begin(ApiRequest request, const std::string& id, const Shared& exchange, std::unique_ptr<Reply> reply);
  void begin_socket(const std::shared_ptr<SocketSession>& session, std::string_view frame);
  std::string draw_id(const char* prefix);

  net::EventLoop& loop_;
  base::WorkQueue& work_;
  const ServeOptions& options_;
  const std::string model_id_;
  const base::SystemClock clock_;
  const base::TimePoint started_;
  base::Random ids_;
  Counters counters_;
  std::function<int()> connections_;
  const LoadedModel* loaded_ = nullptr;  ///< null until the model is loaded
  Generations* generations_ = nullptr;   ///< likewise
  bool draining_ = false;
};

}  // namespace moestress::server
