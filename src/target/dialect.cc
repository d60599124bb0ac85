#include "target/dialect.h"

namespace moestress::target {

using record::Endpoint;

const char* to_string(Dialect dialect) {
  switch (dialect) {
    case Dialect::Auto:
      return "auto";
    case Dialect::OpenAi:
      return "openai";
    case Dialect::Shimmy:
      return "shimmy";
    case Dialect::LlamaServer:
      return "llama-server";
    case Dialect::Ollama:
      return "ollama";
    case Dialect::Vllm:
      return "vllm";
    case Dialect::Moestress:
      return "moestress";
  }
  return "unknown";
}

std::optional<Dialect> dialect_from(std::string_view name) {
  for (const Dialect dialect : kDialects)
    if (name == to_string(dialect)) return dialect;
  return std::nullopt;
}

std::string endpoint_path(Dialect dialect, Endpoint endpoint) {
  const bool has_shimmy_api = dialect == Dialect::Shimmy || dialect == Dialect::Moestress;
  switch (endpoint) {
    case Endpoint::Chat:
      return dialect == Dialect::Ollama ? "/api/chat" : "/v1/chat/completions";
    case Endpoint::Completion:
      if (dialect == Dialect::Shimmy) return "";
      return dialect == Dialect::Ollama ? "/api/generate" : "/v1/completions";
    case Endpoint::ShimmyGenerate:
      return has_shimmy_api ? "/api/generate" : "";
    case Endpoint::ShimmyWebSocket:
      return has_shimmy_api ? "/ws/generate" : "";
  }
  return "";
}

bool has_endpoint(Dialect dialect, Endpoint endpoint) { return !endpoint_path(dialect, endpoint).empty(); }

}  // namespace moestress::target
