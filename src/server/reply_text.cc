#include "server/reply_text.h"

#include <utility>

#include "base/text.h"

namespace moestress::server {

ReplyPiece ReplyText::feed(std::string_view bytes, TokenLogprob logprob) {
  waiting_.push_back({released_ + held_.size(), std::move(logprob)});
  return feed(bytes);
}

ReplyPiece ReplyText::feed(std::string_view bytes) {
  held_ += bytes;
  return release(base::complete_utf8_prefix(held_));
}

ReplyPiece ReplyText::finish() {
  ReplyPiece last = release(held_.size());
  // Tokens without text at the very end have nothing left to wait for.
  for (Waiting& token : waiting_) last.logprobs.push_back(std::move(token.logprob));
  waiting_.clear();
  return last;
}

ReplyPiece ReplyText::release(std::size_t bytes) {
  ReplyPiece piece{.text = base::replace_invalid_utf8(std::string_view(held_).substr(0, bytes)),
                   .logprobs = {}};
  held_.erase(0, bytes);
  released_ += bytes;
  while (!waiting_.empty() && waiting_.front().begin < released_) {
    piece.logprobs.push_back(std::move(waiting_.front().logprob));
    waiting_.pop_front();
  }
  return piece;
}

}  // namespace moestress::server
