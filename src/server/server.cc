#include "server/server.h"

#include <atomic>
#include <future>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include "base/work_queue.h"
#include "net/event_loop.h"
#include "net/http_server.h"
#include "net/url.h"
#include "server/api.h"
#include "server/generations.h"
#include "server/loaded_model.h"
#include "server/trace_file.h"

namespace moestress::server {

namespace {

/// How long answers that are complete may take to reach their clients after a drain.
constexpr auto kFlushWithin = std::chrono::milliseconds(500);

std::uint64_t unpredictable_seed() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32U) | device();
}

}  // namespace

/// Everything, in the order in which it may be built; the destructor takes it apart where order is not
/// enough.
struct Server::State {
  State(ServeOptions given, const base::Logger& log)
      : options(std::move(given)), logger(log), seed(unpredictable_seed()) {}
  ~State();

  base::Status listen();
  void load();
  void loaded(base::Result<std::shared_ptr<std::unique_ptr<LoadedModel>>> result);
  void begin_drain();
  void flush_and_stop();
  void run();

  ServeOptions options;
  const base::Logger logger;
  const std::uint64_t seed;
  net::EventLoop loop;
  std::optional<TraceWriter> trace;
  std::unique_ptr<base::WorkQueue> work;
  std::unique_ptr<Api> api;
  std::unique_ptr<net::HttpServer> http;
  std::unique_ptr<LoadedModel> model;
  std::unique_ptr<Generations> generations;
  std::thread thread;

  // Loop thread only.
  bool draining = false;
  bool flushing = false;
  std::optional<base::Error> failure;

  std::atomic<bool> is_ready{false};
  bool ready_told = false;  // loop thread only
  std::promise<base::Result<ReadyReport>> ready_promise;
  std::shared_future<base::Result<ReadyReport>> ready_future{ready_promise.get_future()};
  std::promise<base::Status> end_promise;
  std::shared_future<base::Status> end_future{end_promise.get_future()};
};

Server::State::~State() {
  loop.stop();
  if (thread.joinable()) thread.join();
  work.reset();                       // its tasks use the model, the generations and the loop
  if (model) model->batcher.reset();  // its callbacks use the generations' events and the loop
  http.reset();
  generations.reset();
}

base::Status Server::State::listen() {
  if (!options.trace_path.empty()) {
    MOESTRESS_TRY(TraceWriter writer, TraceWriter::open(options.trace_path));
    trace = std::move(writer);
    options.context.trace_routing = true;
  }
  work = std::make_unique<base::WorkQueue>();
  api = std::make_unique<Api>(loop, *work, options, seed);
  MOESTRESS_TRY(http, net::HttpServer::listen(
                          loop, options.http,
                          [this](const net::ServerRequest& request, net::Responder responder) {
                            api->handle(request, std::move(responder));
                          },
                          [this](const net::ServerRequest& request, net::WebSocketPeer peer) {
                            return api->handle_websocket(request, std::move(peer));
                          }));
  api->count_connections_with([this] { return http->open_connections(); });
  options.load.progress = [this](float share) { api->progress = share; };
  thread = std::thread([this] { run(); });
  work->push([this] { load(); });
  return {};
}

void Server::State::run() {
  loop.run();
  if (!ready_told) {
    ready_promise.set_value(
        failure ? tl::unexpected(*failure)
                : base::fail(base::ErrorCode::Cancelled, "stopped before the model was loaded"));
  }
  end_promise.set_value(failure ? base::Status(tl::unexpected(*failure)) : base::Status{});
}

void Server::State::load() {
  auto result = load_model(options, logger);
  // A task of the loop must be copyable.
  using Handed = base::Result<std::shared_ptr<std::unique_ptr<LoadedModel>>>;
  Handed handed = result ? Handed(std::make_shared<std::unique_ptr<LoadedModel>>(std::move(*result)))
                         : Handed(tl::unexpected(result.error()));
  loop.post([this, handed = std::move(handed)] { loaded(handed); });
}

void Server::State::loaded(base::Result<std::shared_ptr<std::unique_ptr<LoadedModel>>> result) {
  if (!result) {
    failure = result.error();
    flush_and_stop();
    return;
  }
  model = std::move(**result);
  generations = std::make_unique<Generations>(
      loop, *work, model->model, *model->batcher,
      Generations::Options{
          .queue_max = options.queue_max, .seed = seed + 1, .trace = trace ? &*trace : nullptr},
      logger);
  api->model_ready(*model, *generations);
  is_ready = true;
  ready_told = true;
  ready_promise.set_value(ReadyReport{.served = model->served, .memory = model->batcher->memory()});
}

void Server::State::begin_drain() {
  if (std::exchange(draining, true)) return;
  api->refuse_new();
  if (!generations || generations->active() == 0) {
    flush_and_stop();
    return;
  }
  generations->on_idle([this] { flush_and_stop(); });
  loop.at(loop.now() + options.drain_grace, [this] {
    logger.warning("{} requests still ran at the end of the grace period; they are cut off",
                   generations->active());
    generations->cancel_all();
  });
}

void Server::State::flush_and_stop() {
  if (std::exchange(flushing, true)) return;
  loop.at(loop.now() + kFlushWithin, [this] { loop.stop(); });
  http->drain([this] { loop.stop(); });
}

Server::Server() = default;
Server::~Server() = default;

base::Result<std::unique_ptr<Server>> Server::start(ServeOptions options, const base::Logger& logger) {
  std::unique_ptr<Server> server(new Server);
  server->state_ = std::make_unique<State>(std::move(options), logger);
  MOESTRESS_TRY_STATUS(server->state_->listen());
  return server;
}

std::uint16_t Server::port() const { return state_->http->port(); }

std::string Server::url() const {
  const std::string& host = state_->options.http.host;
  return fmt::format("http://{}:{}", host.find(':') == std::string::npos ? host : "[" + host + "]", port());
}

base::Result<ReadyReport> Server::wait_ready() { return state_->ready_future.get(); }

bool Server::ready() const { return state_->is_ready; }

void Server::drain() {
  state_->loop.post([state = state_.get()] { state->begin_drain(); });
}

void Server::stop() { state_->loop.stop(); }

base::Status Server::wait() { return state_->end_future.get(); }

}  // namespace moestress::server
