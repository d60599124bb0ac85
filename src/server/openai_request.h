#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/batcher.h"
#include "record/request.h"
#include "server/api_error.h"

namespace moestress::server {

/// What a prompt is made of: exactly one of the three is used.
struct PromptSource {
  enum class Kind { Messages, Text, Tokens };
  Kind kind = Kind::Text;
  std::vector<record::Message> messages{};  ///< rendered with the model's chat template
  std::string text{};                       ///< as it is
  std::vector<engine::Token> tokens{};      ///< as they are; not yet held against the vocabulary
};

/// A request for text, from whichever API, checked as far as it can be without the model.
struct ApiRequest {
  record::Endpoint endpoint = record::Endpoint::Chat;
  std::string model{};  ///< as the client named it; empty where it did not
  PromptSource prompt{};
  bool stream = false;
  bool include_usage = false;
  std::optional<int> max_tokens{};      ///< absent: what is left of the context
  std::optional<std::uint64_t> seed{};  ///< absent: one is drawn
  engine::Generation generation{};      ///< all but prompt, max_tokens and the seed
};

/// The body of POST /v1/chat/completions. What can't be done (tools, n > 1, penalties, …) is refused with 400
/// rather than ignored; unknown parameters are ignored, as OpenAI's clients add new ones.
ApiResult<ApiRequest> parse_chat_request(const nlohmann::json& body);
/// The body of POST /v1/completions. `prompt` is one string or one array of token ids.
ApiResult<ApiRequest> parse_completion_request(const nlohmann::json& body);
/// The body of shimmy's POST /api/generate, and the frame that opens /ws/generate. `prompt` is taken raw.
ApiResult<ApiRequest> parse_shimmy_request(const nlohmann::json& body);

}  // namespace moestress::server
