#include "server/openai_reply.h"

#include <utility>

namespace moestress::server {

OpenAiReply::OpenAiReply(std::shared_ptr<Exchange> exchange, ReplyIdentity identity, bool stream)
    : exchange_(std::move(exchange)), identity_(std::move(identity)), stream_(stream) {}

void OpenAiReply::start_stream(std::string& events) {
  if (exchange_->streaming()) return;
  exchange_->start_events();
  if (identity_.endpoint == record::Endpoint::Chat) events += sse_event(role_chunk(identity_));
}

void OpenAiReply::on_text(const ReplyPiece& piece) {
  if (!stream_) {
    text_ += piece.text;
    logprobs_.insert(logprobs_.end(), piece.logprobs.begin(), piece.logprobs.end());
    return;
  }
  std::string events;
  start_stream(events);
  if (!piece.text.empty() || !piece.logprobs.empty()) {
    events += sse_event(text_chunk(identity_, piece, text_offset_));
    text_offset_ += character_starts(piece.text);
  }
  if (!events.empty()) exchange_->write(events);
}

void OpenAiReply::on_end(const ReplyEnd& end) {
  if (!stream_) {
    exchange_->send_json(200, full_response(identity_, text_, logprobs_, end));
    return;
  }
  std::string events;
  start_stream(events);
  events += sse_event(end_chunk(identity_, end));
  if (identity_.include_usage) events += sse_event(usage_chunk(identity_, end));
  events += sse_event("[DONE]");
  exchange_->write(events);
  exchange_->finish();
}

void OpenAiReply::on_error(const ApiError& error) {
  if (!exchange_->streaming()) {
    exchange_->send_error(error);
    return;
  }
  exchange_->write(sse_event(error_body(error)));  // no [DONE]: the reply is not complete
  exchange_->finish();
}

}  // namespace moestress::server
