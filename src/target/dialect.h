#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "record/request.h"

namespace moestress::target {

/// How a server spells its API.
enum class Dialect : std::uint8_t {
  Auto,    ///< to be found out by asking the server
  OpenAi,  ///< any server with /v1/chat/completions; only fields of OpenAI's own API are sent
  Shimmy,
  LlamaServer,
  Ollama,
  Vllm,
  Moestress,  ///< `moestress serve`: OpenAI's and shimmy's
};

inline constexpr std::array kDialects{Dialect::Auto,        Dialect::OpenAi, Dialect::Shimmy,
                                      Dialect::LlamaServer, Dialect::Ollama, Dialect::Vllm,
                                      Dialect::Moestress};

/// The name on the command line: "auto", "openai", "shimmy", "llama-server", "ollama", "vllm", "moestress".
const char* to_string(Dialect dialect);
std::optional<Dialect> dialect_from(std::string_view name);

bool has_endpoint(Dialect dialect, record::Endpoint endpoint);
/// The path that `endpoint` has in `dialect`, "/v1/chat/completions"; empty where it has none.
std::string endpoint_path(Dialect dialect, record::Endpoint endpoint);

}  // namespace moestress::target
