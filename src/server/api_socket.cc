// shimmy's WebSocket: one request in the first frame, its reply in raw text frames.
#include <chrono>
#include <utility>

#include "server/api.h"
#include "server/shimmy_reply.h"

namespace moestress::server {

namespace {

constexpr const char* kSocketPath = "/ws/generate";
/// A client that connects and says nothing is not waited for any longer.
constexpr auto kFirstFrameWithin = std::chrono::seconds(15);

}  // namespace

/// One connection, from its opening to its end.
struct Api::SocketSession {
  explicit SocketSession(net::WebSocketPeer socket) : peer(std::move(socket)) {}
  net::WebSocketPeer peer;
  std::uint64_t timer = 0;
  std::optional<std::uint64_t> generation;
  bool asked = false;
  bool answered = false;
};

bool Api::handle_websocket(const net::ServerRequest& request, net::WebSocketPeer peer) {
  if (request.path != kSocketPath) return false;
  const auto session = std::make_shared<SocketSession>(peer);
  const bool authorised_here = authorised(request);
  peer.on_message([this, session, authorised_here](std::string_view frame, bool) {
    if (session->asked) return;  // shimmy, too, hears nothing after the first frame
    session->asked = true;
    loop_.cancel_timer(session->timer);
    if (authorised_here) {
      begin_socket(session, frame);
    } else {
      ++counters_.requests[{kSocketPath, 401}];
      ShimmySocketReply(session->peer, [](int) {
      }).on_error({.status = 401, .message = "a valid API key is needed"});
    }
  });
  peer.on_close([this, session] {
    loop_.cancel_timer(session->timer);
    if (!session->generation || session->answered) return;
    ++counters_.clients_left;
    generations_->cancel(*session->generation);
  });
  session->timer = loop_.at(loop_.now() + kFirstFrameWithin, [peer]() mutable { peer.close(); });
  return true;
}

void Api::begin_socket(const std::shared_ptr<SocketSession>& session, std::string_view frame) {
  auto reply = std::make_unique<ShimmySocketReply>(
      session->peer, [this, weak = std::weak_ptr<SocketSession>(session)](int status) {
        ++counters_.requests[{kSocketPath, status}];
        if (const auto alive = weak.lock()) alive->answered = true;
      });
  if (const auto error = unavailable()) {
    reply->on_error(*error);
    return;
  }
  auto request = parse(std::string(frame), parse_shimmy_request);
  if (!request) {
    reply->on_error(request.error());
    return;
  }
  request->endpoint = record::Endpoint::ShimmyWebSocket;
  const auto handle = generations_->begin(std::move(*request), draw_id("gen-"), std::move(reply));
  if (handle) {
    session->generation = *handle;
    return;
  }
  ++counters_.requests[{kSocketPath, handle.error().status}];
  ShimmySocketReply(session->peer, [](int) {}).on_error(handle.error());
}

}  // namespace moestress::server
