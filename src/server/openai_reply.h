#pragma once

#include <memory>
#include <string>
#include <vector>

#include "server/exchange.h"
#include "server/openai_response.h"
#include "server/reply.h"

namespace moestress::server {

/// A reply of /v1/chat/completions or /v1/completions, streamed or whole. A stream begins with the first
/// token, so that whatever fails before it still gets an honest status.
class OpenAiReply final : public Reply {
 public:
  OpenAiReply(std::shared_ptr<Exchange> exchange, ReplyIdentity identity, bool stream);

  void on_text(const ReplyPiece& piece) override;
  void on_end(const ReplyEnd& end) override;
  void on_error(const ApiError& error) override;

 private:
  void start_stream(std::string& events);

  std::shared_ptr<Exchange> exchange_;
  ReplyIdentity identity_;
  bool stream_;
  std::string text_;                    ///< of a whole reply
  std::vector<TokenLogprob> logprobs_;  ///< of a whole reply
  std::size_t text_offset_ = 0;         ///< characters streamed so far
};

}  // namespace moestress::server
