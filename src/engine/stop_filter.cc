#include "engine/stop_filter.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace moestress::engine {
namespace {

/// The length of the longest end of `text` that is a proper beginning of `stop`.
std::size_t beginning_at_end(std::string_view text, std::string_view stop) {
  for (std::size_t length = std::min(text.size(), stop.size() - 1); length > 0; --length) {
    if (text.substr(text.size() - length) == stop.substr(0, length)) return length;
  }
  return 0;
}

}  // namespace

StopFilter::Decided StopFilter::push(GeneratedToken token) {
  text_ += token.piece;
  held_.push_back(std::move(token));

  std::size_t found = std::string::npos;
  std::size_t undecided = 0;
  for (const std::string& stop : stops_) {
    found = std::min(found, text_.find(stop));
    undecided = std::max(undecided, beginning_at_end(text_, stop));
  }
  if (found == std::string::npos) return {release(text_.size() - undecided), false};

  Decided decided{release(found), true};
  // The token in which the stop string begins keeps what stands before it.
  std::size_t released = 0;
  for (const GeneratedToken& done : decided.tokens) released += done.piece.size();
  if (released < found) {
    GeneratedToken cut = std::move(held_.front());
    cut.piece.resize(found - released);
    decided.tokens.push_back(std::move(cut));
  }
  held_.clear();
  text_.clear();
  return decided;
}

std::vector<GeneratedToken> StopFilter::flush() {
  text_.clear();
  return std::exchange(held_, {});
}

/// Takes out the held tokens that lie wholly within the first `bytes` of the held text.
std::vector<GeneratedToken> StopFilter::release(std::size_t bytes) {
  std::size_t count = 0;
  std::size_t end = 0;
  while (count < held_.size() && end + held_[count].piece.size() <= bytes) end += held_[count++].piece.size();
  const auto split = held_.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<GeneratedToken> released(std::make_move_iterator(held_.begin()),
                                       std::make_move_iterator(split));
  held_.erase(held_.begin(), split);
  text_.erase(0, end);
  return released;
}

}  // namespace moestress::engine
