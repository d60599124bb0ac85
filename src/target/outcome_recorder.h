#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "record/outcome.h"
#include "record/request.h"
#include "target/decoder.h"
#include "target/dialect.h"

namespace moestress::target {

/// Turns what happens on the wire into the Outcome of one request. Knows no socket. One owner, one thread.
class OutcomeRecorder {
 public:
  OutcomeRecorder(const record::Request& request, Dialect dialect, base::TimePoint epoch);

  void on_sent(base::TimePoint at);
  void on_first_byte(base::TimePoint at);
  /// Decides what the bytes that follow are: text to decode, or the words of an error.
  void on_head(int status, std::string_view content_type);
  /// Text that comes in one piece is one chunk, however many events it holds: that is how a user gets it.
  /// False once further bytes can't change the outcome.
  bool on_bytes(std::string_view bytes, base::TimePoint at);
  bool has_end_marker() const { return decoder_ && decoder_->reply().end_marker; }

  /// The whole, from how the transport ended. Of several causes the one that says most counts: our own
  /// cancellation, then the status, then the decoder's fault, then the transport. A reply that was whole
  /// before its connection was cut is Complete, with the cut in `detail`. Call once, last.
  record::Outcome finish(record::Ending transport, const std::string& detail, base::TimePoint at);

 private:
  Decoder::OnText take_text(base::TimePoint at);
  void decide(record::Ending transport, const std::string& detail);

  base::TimePoint epoch_;
  Dialect dialect_;
  bool stream_;
  std::unique_ptr<Decoder> decoder_;  ///< null until a head with status 2xx came
  std::string error_body_;
  record::Outcome outcome_;
};

}  // namespace moestress::target
