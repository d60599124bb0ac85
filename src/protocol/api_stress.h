#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/result_builder.h"
#include "protocol/rig.h"
#include "record/outcome.h"
#include "record/request.h"

// What the parts of 4.2 share; internal to it.
namespace moestress::protocol {

/// One way to ask for a reply: an endpoint, over HTTP (whole), SSE (streamed) or WebSocket.
struct ApiWay {
  record::Endpoint endpoint = record::Endpoint::Chat;
  bool stream = true;
  const char* name = "";
};

inline constexpr std::array kApiWays{
    ApiWay{record::Endpoint::Chat, true, "chat_sse"},
    ApiWay{record::Endpoint::Chat, false, "chat_http"},
    ApiWay{record::Endpoint::Completion, true, "completion_sse"},
    ApiWay{record::Endpoint::Completion, false, "completion_http"},
    ApiWay{record::Endpoint::ShimmyGenerate, true, "generate_sse"},
    ApiWay{record::Endpoint::ShimmyGenerate, false, "generate_http"},
    ApiWay{record::Endpoint::ShimmyWebSocket, true, "websocket"},
};

inline constexpr int kApiReplyTokens = 6;  ///< of a well-formed request: what counts is that it is answered

/// Those that the target's dialect has.
std::vector<ApiWay> api_ways(Rig& rig);
/// The streamed one with the shortest prompts: raw text where the dialect has it, since templates add to a
/// chat's.
ApiWay lightest_way(Rig& rig);
/// A short prompt, the `index`-th of a few, asked for in this way; its label is the way's name.
record::Request api_request(Rig& rig, const ApiWay& way, std::size_t index, int max_tokens);

/// How the server does with all its slots busy: what bounds are made of.
struct ApiBaseline {
  double ttft_ms = 0;   ///< the slowest
  double e2e_ms = 0;    ///< the slowest, of kApiReplyTokens
  double token_ms = 0;  ///< median time per output token
  std::int64_t n = 0;
};
ApiBaseline api_baseline(const std::vector<record::Outcome>& outcomes);

/// Clients that read a few bytes a second, and others beside them that must not be stalled.
void read_slowly_from_server(Rig& rig, const ApiBaseline& baseline, ResultBuilder& result);
/// Hangs up in the middle of a reply on every slot at once: new requests must be served at once.
void hang_up_on_server(Rig& rig, const ApiBaseline& baseline, ResultBuilder& result);

struct MisuseSummary {
  std::int64_t tries = 0;
  std::int64_t kinds = 0;
  std::int64_t health_checks = 0;  ///< that were answered
};
/// Every kind of misuse, and a normal request after each kind.
MisuseSummary misuse_server(Rig& rig, const ApiBaseline& baseline, ResultBuilder& result);

}  // namespace moestress::protocol
