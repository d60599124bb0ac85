#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "server/serve_options.h"

namespace moestress::server {

/// The server: listens, loads its model on a thread of its own, serves until it is drained or stopped. Owned
/// by whoever runs it; its functions may be called from any thread. Three threads inside: the event loop's
/// (all requests), the work queue's (loading, tokenising, traces), the batcher's.
class Server {
 public:
  /// Returns once the port listens; the model loads meanwhile, and requests get 503. Errors: those of
  /// listening and of the trace file.
  static base::Result<std::unique_ptr<Server>> start(ServeOptions options, const base::Logger& logger);
  /// Stops at once.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const;
  /// "http://127.0.0.1:11435"
  std::string url() const;
  /// Waits for the model. Errors: the engine's; Cancelled if the server ended before.
  base::Result<ReadyReport> wait_ready();
  /// Whether the model is loaded.
  bool ready() const;

  /// New requests get 503; the server ends when those that run have ended, or the grace period is over.
  void drain();
  /// Ends now, whatever runs.
  void stop();
  /// Waits for the end. Errors: why the model could not be loaded.
  base::Status wait();

 private:
  Server();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace moestress::server
