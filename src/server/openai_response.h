#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "record/request.h"
#include "server/reply.h"

namespace moestress::server {

/// What all parts of one OpenAI reply have in common.
struct ReplyIdentity {
  record::Endpoint endpoint = record::Endpoint::Chat;  ///< Chat or Completion
  std::string id{};                                    ///< "chatcmpl-…", "cmpl-…"
  std::int64_t created = 0;                            ///< Unix time in seconds
  std::string model{};                                 ///< the served id
  std::string system_fingerprint{};
  bool logprobs = false;
  bool include_usage = false;  ///< every chunk then has "usage", null in all but the last
};

/// The body of a reply that is not streamed, with `usage` and llama-server's `timings`.
std::string full_response(const ReplyIdentity& identity, const std::string& text,
                          const std::vector<TokenLogprob>& logprobs, const ReplyEnd& end);

/// The chunks of a streamed reply, as JSON. `text_offset`: characters of the reply before this piece, for
/// /v1/completions' logprobs.
std::string role_chunk(const ReplyIdentity& identity);  ///< the first one of a chat
std::string text_chunk(const ReplyIdentity& identity, const ReplyPiece& piece, std::size_t text_offset);
std::string end_chunk(const ReplyIdentity& identity, const ReplyEnd& end);
std::string usage_chunk(const ReplyIdentity& identity,
                        const ReplyEnd& end);  ///< the last, if it was asked for

/// How many characters begin in `bytes`, valid UTF-8 or a part of it.
std::size_t character_starts(std::string_view bytes);

/// One server-sent event with `data` as its data: a line feed in it begins a further data line.
std::string sse_event(std::string_view data);

}  // namespace moestress::server
