#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/http_server.h"
#include "server/exchange.h"
#include "server/reply.h"

namespace moestress::server {

/// A reply of shimmy's POST /api/generate: raw text, one event for each token that completes some, then
/// [DONE]; or
/// {"response":"…"}.
class ShimmyHttpReply final : public Reply {
 public:
  ShimmyHttpReply(std::shared_ptr<Exchange> exchange, bool stream)
      : exchange_(std::move(exchange)), stream_(stream) {}

  void on_text(const ReplyPiece& piece) override;
  void on_end(const ReplyEnd& end) override;
  void on_error(const ApiError& error) override;

 private:
  std::shared_ptr<Exchange> exchange_;
  bool stream_;
  std::string text_;  ///< of a whole reply
};

/// A reply on /ws/generate: raw text frames, then {"done":true}; {"error":"…"} where something failed.
/// `closed` is told the status for the books, once.
class ShimmySocketReply final : public Reply {
 public:
  ShimmySocketReply(net::WebSocketPeer peer, std::function<void(int status)> ended)
      : peer_(std::move(peer)), ended_(std::move(ended)) {}

  void on_text(const ReplyPiece& piece) override;
  void on_end(const ReplyEnd& end) override;
  void on_error(const ApiError& error) override;

 private:
  net::WebSocketPeer peer_;
  std::function<void(int status)> ended_;
};

/// [{"name","size_bytes","model_type","parameter_count","source"}] under "models": shimmy's GET /api/models.
std::string shimmy_models_json(const std::string& id, std::uint64_t file_bytes,
                               const std::string& architecture);

}  // namespace moestress::server
