#include "server/shimmy_reply.h"

#include <nlohmann/json.hpp>

#include "server/json_text.h"
#include "server/openai_response.h"

namespace moestress::server {

void ShimmyHttpReply::on_text(const ReplyPiece& piece) {
  if (!stream_) {
    text_ += piece.text;
    return;
  }
  exchange_->start_events();
  if (!piece.text.empty()) exchange_->write(sse_event(piece.text));
}

void ShimmyHttpReply::on_end(const ReplyEnd&) {
  if (!stream_) {
    exchange_->send_json(200, to_text({{"response", text_}}));
    return;
  }
  exchange_->start_events();
  exchange_->write(sse_event("[DONE]"));
  exchange_->finish();
}

void ShimmyHttpReply::on_error(const ApiError& error) {
  if (!exchange_->streaming()) {
    exchange_->send_error(error);
    return;
  }
  exchange_->write(sse_event("[ERROR] " + error.message));  // as shimmy does; no [DONE] follows
  exchange_->finish();
}

void ShimmySocketReply::on_text(const ReplyPiece& piece) {
  if (!piece.text.empty()) peer_.send_text(piece.text);
}

void ShimmySocketReply::on_end(const ReplyEnd&) {
  ended_(200);
  peer_.send_text(R"({"done":true})");
  peer_.close();
}

void ShimmySocketReply::on_error(const ApiError& error) {
  ended_(error.status);
  peer_.send_text(to_text({{"error", error.message}}));
  peer_.close();
}

std::string shimmy_models_json(const std::string& id, std::uint64_t file_bytes,
                               const std::string& architecture) {
  nlohmann::ordered_json models = nlohmann::ordered_json::array();
  models.push_back({{"name", id},
                    {"size_bytes", file_bytes},
                    {"model_type", architecture},
                    {"parameter_count", nullptr},
                    {"source", "registered"}});
  return to_text({{"models", std::move(models)}});
}

}  // namespace moestress::server
