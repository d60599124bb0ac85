#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace moestress::net {

struct SseEvent {
  std::string type = "message";
  std::string data;  ///< data lines joined by \n
  std::string id;
};

/// Server-sent events as the WHATWG HTML standard parses an event stream: CR, LF and CRLF line ends, one leading
/// BOM, comments, several data lines, bytes split anywhere. An event without data is not dispatched.
class SseParser {
 public:
  explicit SseParser(std::size_t event_bytes_max = 4 * 1024 * 1024) : event_bytes_max_(event_bytes_max) {}

  /// False, and nothing further is parsed, once a line or an event passes the cap.
  bool feed(std::string_view bytes, const std::function<void(const SseEvent&)>& dispatch);
  /// Whether the stream may end here: no line or event is half received.
  bool at_boundary() const;

 private:
  void end_line(const std::function<void(const SseEvent&)>& dispatch);

  std::size_t event_bytes_max_;
  std::string line_;
  SseEvent event_;
  bool has_data_ = false;
  bool has_field_ = false;
  bool after_cr_ = false;
  bool overflow_ = false;
  std::size_t bom_matched_ = 0;
  bool at_start_ = true;
};

}  // namespace moestress::net
