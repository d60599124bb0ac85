#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moestress::server {

/// A token's probability as a client is shown it.
struct TokenLogprob {
  std::string text{};    ///< the token's bytes, or its name where it is a control token
  bool control = false;  ///< it adds no text
  float logprob = 0;
  std::vector<std::pair<std::string, float>>
      top{};  ///< the likeliest tokens here, by the same rule as `text`
};

/// Text that is certain, with the logprobs of the tokens that it comes from (none if none were asked for).
struct ReplyPiece {
  std::string text{};  ///< valid UTF-8
  std::vector<TokenLogprob> logprobs{};
};

/// Turns tokens into text that may be sent: holds back half characters until they are whole, and replaces
/// bytes that can't be a character by U+FFFD. All pieces joined are the reply, streamed or not. (The batcher
/// has taken stop strings out already.) One thread.
class ReplyText {
 public:
  ReplyPiece feed(std::string_view bytes);
  ReplyPiece feed(std::string_view bytes, TokenLogprob logprob);
  /// What was held back. Call it once, at the end.
  ReplyPiece finish();

 private:
  struct Waiting {
    std::size_t begin;  ///< where the token's bytes begin in the whole reply
    TokenLogprob logprob;
  };
  ReplyPiece release(std::size_t bytes);

  std::string held_;
  std::size_t released_ = 0;  ///< bytes that have left held_
  std::deque<Waiting> waiting_;
};

}  // namespace moestress::server
