#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/event_loop.h"
#include "net/http_client.h"
#include "net/websocket_client.h"
#include "target/outcome_recorder.h"

namespace moestress::target {

using Finished = std::function<void(record::Outcome)>;

/// Records one HTTP exchange. Kept by the client; loop thread only.
class HttpExchange final : public net::ResponseObserver {
 public:
  /// `finished` is called once, at the end.
  HttpExchange(OutcomeRecorder recorder, Finished finished);

  void on_sent(base::TimePoint at) override;
  void on_first_byte(base::TimePoint at) override;
  void on_headers(int status, const net::Headers& headers) override;
  bool on_body(std::string_view piece, base::TimePoint at) override;
  void on_end(record::Ending ending, const std::string& detail, base::TimePoint at) override;

 private:
  OutcomeRecorder recorder_;
  Finished finished_;  ///< empty once called
};

/// Sends one frame over a WebSocket and records what comes back up to the end marker, which ends it: what the
/// server does with the connection afterwards is not the reply's. Kept by the client; loop thread only.
class WebSocketExchange final : public net::WebSocketObserver {
 public:
  /// `finished` is called once with the outcome, `closed` once when the connection is no more.
  WebSocketExchange(OutcomeRecorder recorder, std::string payload, Finished finished,
                    std::function<void()> closed);
  /// The client that this observes and writes to; outlives this, or is set to null before it dies.
  void set_client(net::WebSocketClient* client) { client_ = client; }

  void on_open() override;
  void on_sent(base::TimePoint at) override;
  void on_message(std::string_view payload, bool text, base::TimePoint at) override;
  void on_end(record::Ending ending, const std::string& detail, base::TimePoint at) override;

 private:
  void finish(record::Ending ending, const std::string& detail, base::TimePoint at);

  OutcomeRecorder recorder_;
  std::string payload_;
  Finished finished_;  ///< empty once called
  std::function<void()> closed_;
  net::WebSocketClient* client_ = nullptr;
};

}  // namespace moestress::target
