#include "target/exchange.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace moestress::target {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

}  // namespace

HttpExchange::HttpExchange(OutcomeRecorder recorder, Finished finished)
    : recorder_(std::move(recorder)), finished_(std::move(finished)) {}

void HttpExchange::on_sent(base::TimePoint at) { recorder_.on_sent(at); }

void HttpExchange::on_first_byte(base::TimePoint at) { recorder_.on_first_byte(at); }

void HttpExchange::on_headers(int status, const net::Headers& headers) {
  const auto type = std::find_if(headers.begin(), headers.end(),
                                 [](const auto& header) { return same_name(header.first, "content-type"); });
  recorder_.on_head(status, type == headers.end() ? std::string_view() : std::string_view(type->second));
}

bool HttpExchange::on_body(std::string_view piece, base::TimePoint at) {
  return recorder_.on_bytes(piece, at);
}

void HttpExchange::on_end(record::Ending ending, const std::string& detail, base::TimePoint at) {
  if (const Finished finished = std::exchange(finished_, nullptr))
    finished(recorder_.finish(ending, detail, at));
}

WebSocketExchange::WebSocketExchange(OutcomeRecorder recorder, std::string payload, Finished finished,
                                     std::function<void()> closed)
    : recorder_(std::move(recorder)),
      payload_(std::move(payload)),
      finished_(std::move(finished)),
      closed_(std::move(closed)) {}

void WebSocketExchange::on_open() {
  recorder_.on_head(101, "");
  if (client_ != nullptr) client_->send_text(std::move(payload_));
}

void WebSocketExchange::on_sent(base::TimePoint at) { recorder_.on_sent(at); }

void WebSocketExchange::on_message(std::string_view payload, bool text, base::TimePoint at) {
  if (!finished_) return;
  recorder_.on_first_byte(at);
  if (!text) {
    finish(record::Ending::MalformedResponse, "a binary frame where text was expected", at);
  } else if (!recorder_.on_bytes(payload, at) || recorder_.has_end_marker()) {
    finish(record::Ending::Complete, "", at);
  } else {
    return;
  }
  if (client_ != nullptr) client_->close();
}

void WebSocketExchange::on_end(record::Ending ending, const std::string& detail, base::TimePoint at) {
  finish(ending, detail, at);
  if (const auto closed = std::exchange(closed_, nullptr)) closed();
}

void WebSocketExchange::finish(record::Ending ending, const std::string& detail, base::TimePoint at) {
  if (const Finished finished = std::exchange(finished_, nullptr))
    finished(recorder_.finish(ending, detail, at));
}

}  // namespace moestress::target
