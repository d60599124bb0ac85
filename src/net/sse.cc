#include "net/sse.h"

#include <cstring>

namespace moestress::net {
namespace {

constexpr std::string_view kBom = "\xEF\xBB\xBF";

/// Where the first line end of `bytes` is, or their number.
std::size_t find_line_end(std::string_view bytes) {
  const void* const lf = std::memchr(bytes.data(), '\n', bytes.size());
  const std::size_t until_lf =
      lf == nullptr ? bytes.size() : static_cast<std::size_t>(static_cast<const char*>(lf) - bytes.data());
  const void* const cr = std::memchr(bytes.data(), '\r', until_lf);
  return cr == nullptr ? until_lf : static_cast<std::size_t>(static_cast<const char*>(cr) - bytes.data());
}

}  // namespace

bool SseParser::feed(std::string_view bytes, const Dispatch& dispatch) {
  if (overflow_) return false;
  while (at_start_ && !bytes.empty()) {
    if (bytes.front() == kBom[bom_matched_]) {
      bytes.remove_prefix(1);
      if (++bom_matched_ == kBom.size()) {
        bom_matched_ = 0;
        at_start_ = false;
      }
    } else {  // what looked like a BOM was the start of a line
      line_ = kBom.substr(0, bom_matched_);
      bom_matched_ = 0;
      at_start_ = false;
    }
  }
  while (!bytes.empty()) {
    if (after_cr_) {
      after_cr_ = false;
      if (bytes.front() == '\n') {  // the second half of a CRLF
        bytes.remove_prefix(1);
        continue;
      }
    }
    const std::size_t end = find_line_end(bytes);
    if (line_.size() + end > event_bytes_max_) return overflow();
    if (end == bytes.size()) {
      line_ += bytes;
      return true;
    }
    after_cr_ = bytes[end] == '\r';
    bool fits = false;
    if (line_.empty()) {
      fits = end_line(bytes.substr(0, end), dispatch);
    } else {
      line_ += bytes.substr(0, end);
      const std::string line = std::move(line_);
      line_.clear();
      fits = end_line(line, dispatch);
    }
    if (!fits) return overflow();
    bytes.remove_prefix(end + 1);
  }
  return true;
}

bool SseParser::overflow() {
  overflow_ = true;
  line_ = {};
  event_ = {};
  return false;
}

bool SseParser::end_line(std::string_view line, const Dispatch& dispatch) {
  if (line.empty()) {
    has_field_ = false;
    if (has_data_) {
      has_data_ = false;
      if (event_.type.empty()) event_.type = "message";
      dispatch(event_);
    }
    event_.type.clear();
    event_.data.clear();
    return true;
  }
  const std::size_t colon = line.find(':');
  if (colon == 0) return true;  // a comment
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 1);
  if (!value.empty() && value.front() == ' ') value.remove_prefix(1);

  if (field == "data") {
    if (event_.data.size() + value.size() + 1 > event_bytes_max_) return false;
    if (has_data_) event_.data += '\n';
    event_.data += value;
    has_data_ = true;
    has_field_ = true;
  } else if (field == "event") {
    event_.type = value;
    has_field_ = true;
  } else if (field == "id") {
    if (value.find('\0') == std::string_view::npos) event_.id = value;
    has_field_ = true;
  }
  return true;
}

bool SseParser::at_boundary() const {
  return line_.empty() && bom_matched_ == 0 && !has_field_ && !overflow_;
}

}  // namespace moestress::net
