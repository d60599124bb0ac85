#include "target/outcome_recorder.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace moestress::target {

using base::TimePoint;
using record::Ending;

namespace {
constexpr std::size_t kErrorBytesMax = 16 * 1024;  // of an error's body; more says no more
constexpr base::Duration kNever{-1};
}  // namespace

OutcomeRecorder::OutcomeRecorder(const record::Request& request, Dialect dialect, TimePoint epoch)
    : epoch_(epoch), dialect_(dialect), stream_(request.stream) {
  outcome_.request = request.id;
  outcome_.session = request.session;
  outcome_.endpoint = request.endpoint;
  outcome_.label = request.label;
  outcome_.planned = request.planned_start;
}

void OutcomeRecorder::on_sent(TimePoint at) { outcome_.sent = at - epoch_; }

void OutcomeRecorder::on_first_byte(TimePoint at) {
  if (outcome_.first_byte == kNever) outcome_.first_byte = at - epoch_;
}

void OutcomeRecorder::on_head(int status, std::string_view content_type) {
  outcome_.http_status = status;
  const bool carries_reply = (status >= 200 && status < 300) || status == 101;
  if (carries_reply) decoder_ = make_decoder(dialect_, outcome_.endpoint, stream_, content_type);
}

bool OutcomeRecorder::on_bytes(std::string_view bytes, TimePoint at) {
  if (decoder_) return decoder_->feed(bytes, take_text(at));
  error_body_.append(bytes.substr(0, kErrorBytesMax - std::min(error_body_.size(), kErrorBytesMax)));
  return true;
}

Decoder::OnText OutcomeRecorder::take_text(TimePoint at) {
  return [this, when = at - epoch_](std::string_view text, bool reasoning) {
    if (reasoning && outcome_.reasoning_bytes == outcome_.text.size())
      outcome_.reasoning_bytes += text.size();
    outcome_.text.append(text);
    if (outcome_.chunks.empty()) outcome_.first_text = when;
    outcome_.last_text = when;
    if (!outcome_.chunks.empty() && outcome_.chunks.back().at == when) {
      outcome_.chunks.back().text.append(text);
    } else {
      outcome_.chunks.push_back({when, std::string(text)});
    }
  };
}

void OutcomeRecorder::decide(Ending transport, const std::string& detail) {
  const int status = outcome_.http_status;
  outcome_.ending = transport;
  outcome_.detail = base::printable(detail);
  if (transport == Ending::Cancelled && !(decoder_ && decoder_->reply().fault)) return;
  if (status >= 400) {
    outcome_.ending = status < 500 ? Ending::Http4xx : Ending::Http5xx;
    const std::string words = error_text(error_body_);
    outcome_.detail = words.empty() ? fmt::format("HTTP status {} without a word", status) : words;
  } else if (!decoder_) {
    if (transport != Ending::Complete) return;
    outcome_.ending = Ending::MalformedResponse;
    outcome_.detail =
        fmt::format("HTTP status {}; redirects are not followed, give the server's own address", status);
  } else if (const Reply& reply = decoder_->reply(); reply.fault) {
    outcome_.ending = *reply.fault;
    outcome_.detail = reply.detail;
  } else if (reply.end_marker && (transport == Ending::Reset || transport == Ending::TruncatedStream)) {
    outcome_.ending = Ending::Complete;
    outcome_.detail = "whole, but then " + outcome_.detail;
  }
}

record::Outcome OutcomeRecorder::finish(Ending transport, const std::string& detail, TimePoint at) {
  outcome_.done = at - epoch_;
  // Text of a body that is one document comes out now, but came with its last byte.
  if (transport == Ending::Complete && decoder_) decoder_->end(take_text(at));
  decide(transport, detail);
  if (decoder_) {
    outcome_.finish_reason = decoder_->reply().finish_reason;
    outcome_.claims = decoder_->reply().claims;
    outcome_.choices = decoder_->reply().choices;
  }
  return std::move(outcome_);
}

}  // namespace moestress::target
