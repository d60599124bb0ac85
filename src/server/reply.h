#pragma once

#include <string>

#include "base/clock.h"
#include "server/api_error.h"
#include "server/reply_text.h"

namespace moestress::server {

/// How a generation ended, for the client's eyes.
struct ReplyEnd {
  std::string finish_reason{};  ///< "stop" or "length"
  int prompt_tokens = 0;
  int completion_tokens = 0;
  base::Duration prompt_time{0};
  base::Duration decode_time{0};
};

/// One client's wire format: told of its reply as it comes, and ends with either on_end or on_error. Owned by
/// the generation that feeds it; loop thread only.
class Reply {
 public:
  virtual ~Reply() = default;
  virtual void on_text(const ReplyPiece& piece) = 0;
  virtual void on_end(const ReplyEnd& end) = 0;
  virtual void on_error(const ApiError& error) = 0;
};

}  // namespace moestress::server
