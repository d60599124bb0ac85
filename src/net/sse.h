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

/// Server-sent events as the WHATWG HTML standard parses an event stream ("9.2.6 Interpreting an event
/// stream"): CR, LF and CRLF line ends, one leading BOM, comments, several data lines, bytes split anywhere,
/// an id that stays until the next one. An event without a data line is not dispatched; `retry` is ignored,
/// since nobody reconnects. Bytes stay as they came: text that is not UTF-8 is for the reader to judge. One
/// owner, one thread.
class SseParser {
 public:
  using Dispatch = std::function<void(const SseEvent&)>;

  explicit SseParser(std::size_t event_bytes_max = 4 * 1024 * 1024) : event_bytes_max_(event_bytes_max) {}

  /// Calls `dispatch` for each event that ends within `bytes`. False, and nothing further is parsed, once a
  /// line or an event's data passes the cap.
  bool feed(std::string_view bytes, const Dispatch& dispatch);
  /// Whether the stream may end here: no line or event is half received.
  bool at_boundary() const;

 private:
  /// Takes one line without its end; false when the event passes the cap.
  bool end_line(std::string_view line, const Dispatch& dispatch);
  bool overflow();

  std::size_t event_bytes_max_;
  std::string line_;  ///< the part of a line that came so far
  SseEvent event_{"", "", ""};
  bool has_data_ = false;
  bool has_field_ = false;
  bool after_cr_ = false;
  bool overflow_ = false;
  bool at_start_ = true;
  std::size_t bom_matched_ = 0;
};

}  // namespace moestress::net
