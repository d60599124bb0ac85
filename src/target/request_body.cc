#include "target/request_body.h"

#include <nlohmann/json.hpp>

namespace moestress::target {
namespace {

using nlohmann::json;
using record::Endpoint;
using record::Request;

/// Whether fields outside OpenAI's API (top_k, ignore_eos) may be sent.
bool takes_extensions(Dialect dialect) {
  return dialect == Dialect::LlamaServer || dialect == Dialect::Vllm || dialect == Dialect::Moestress;
}

/// 31 bits of the seed: more is refused by vLLM (over int64) or cut (llama.cpp, whose 2^32 − 1 means
/// "random").
std::uint64_t wire_seed(const Request& request) { return request.sampling.seed & 0x7FFFFFFFU; }

json messages_of(const Request& request) {
  json messages = json::array();
  for (const record::Message& message : request.messages)
    messages.push_back({{"role", message.role}, {"content", message.content}});
  return messages;
}

json openai_body(Dialect dialect, const Request& request, const std::string& model) {
  json body{{"model", model},
            {"max_tokens", request.max_tokens},
            {"temperature", request.sampling.temperature},
            {"top_p", request.sampling.top_p},
            {"stream", request.stream}};
  if (request.endpoint == Endpoint::Chat) {
    body["messages"] = messages_of(request);
  } else {
    body["prompt"] = request.prompt;
  }
  if (!request.stop.empty()) body["stop"] = request.stop;
  if (dialect == Dialect::Shimmy) return body;  // its usage is always 0/0/0, and it has no seed

  body["seed"] = wire_seed(request);
  if (request.top_logprobs >= 0 && request.endpoint == Endpoint::Chat) {
    body["logprobs"] = true;
    body["top_logprobs"] = request.top_logprobs;
  }
  if (request.stream) body["stream_options"] = {{"include_usage", true}};
  if (!takes_extensions(dialect)) return body;

  // vLLM's word for "off" is -1; llama.cpp's is 0.
  const bool off_is_minus_one = dialect == Dialect::Vllm && request.sampling.top_k == 0;
  body["top_k"] = off_is_minus_one ? -1 : request.sampling.top_k;
  if (request.ignore_eos) body["ignore_eos"] = true;
  if (dialect == Dialect::Vllm) {
    // A salt of its own keeps a prompt from matching another one's cached prefix.
    if (!request.reuse_prefix) body["cache_salt"] = "moestress-" + std::to_string(request.id.value);
  } else {
    body["cache_prompt"] = request.reuse_prefix;
  }
  return body;
}

json ollama_body(const Request& request, const std::string& model) {
  json options{{"num_predict", request.max_tokens},
               {"temperature", request.sampling.temperature},
               {"top_p", request.sampling.top_p},
               {"top_k", request.sampling.top_k},
               {"seed", wire_seed(request)}};
  if (!request.stop.empty()) options["stop"] = request.stop;
  json body{{"model", model}, {"stream", request.stream}, {"options", std::move(options)}};
  if (request.endpoint == Endpoint::Chat) {
    body["messages"] = messages_of(request);
  } else {
    body["prompt"] = request.prompt;
    body["raw"] = true;  // no template, as for /v1/completions
  }
  return body;
}

json shimmy_body(Dialect dialect, const Request& request, const std::string& model) {
  json body{{"model", model},
            {"max_tokens", request.max_tokens},
            {"temperature", request.sampling.temperature},
            {"top_p", request.sampling.top_p},
            {"top_k", request.sampling.top_k},
            {"stream", request.stream}};
  // With messages shimmy applies its template; without, the prompt goes in as it is.
  if (request.prompt.empty() && !request.messages.empty()) {
    body["messages"] = messages_of(request);
  } else {
    body["prompt"] = request.prompt;
  }
  if (dialect != Dialect::Moestress) return body;
  body["seed"] = wire_seed(request);
  body["ignore_eos"] = request.ignore_eos;
  if (!request.stop.empty()) body["stop"] = request.stop;
  return body;
}

/// Prompts may hold any bytes (a stress test sends malformed ones): ill-formed UTF-8 becomes U+FFFD.
std::string dump(const json& body) { return body.dump(-1, ' ', false, json::error_handler_t::replace); }

}  // namespace

net::HttpRequest build_request(Dialect dialect, const Request& request, const std::string& model,
                               const std::string& api_key) {
  net::HttpRequest http;
  http.method = "POST";
  http.target = endpoint_path(dialect, request.endpoint);
  http.headers = {{"Content-Type", "application/json"}};
  if (request.stream) http.headers.emplace_back("Accept", "text/event-stream, application/x-ndjson");
  if (!api_key.empty()) http.headers.emplace_back("Authorization", "Bearer " + api_key);
  if (request.endpoint == Endpoint::ShimmyGenerate) {
    http.body = dump(shimmy_body(dialect, request, model));
  } else if (dialect == Dialect::Ollama) {
    http.body = dump(ollama_body(request, model));
  } else {
    http.body = dump(openai_body(dialect, request, model));
  }
  return http;
}

std::string websocket_payload(Dialect dialect, const Request& request, const std::string& model) {
  return dump(shimmy_body(dialect, request, model));
}

std::vector<std::string> dropped_settings(Dialect dialect, const Request& request) {
  const bool shimmy_api =
      request.endpoint == Endpoint::ShimmyGenerate || request.endpoint == Endpoint::ShimmyWebSocket;
  const bool extensions = takes_extensions(dialect);
  std::vector<std::string> dropped;
  // A greedy reply does not depend on the seed.
  if (dialect == Dialect::Shimmy && request.sampling.temperature > 0) dropped.push_back("seed");
  if (request.sampling.top_k != 0 && !extensions && !shimmy_api && dialect != Dialect::Ollama)
    dropped.push_back("top_k");
  if (request.ignore_eos && !extensions) dropped.push_back("ignore_eos");
  if (dialect == Dialect::Shimmy && shimmy_api && !request.stop.empty()) dropped.push_back("stop");
  // Shimmy loads the model anew for every request: always cold.
  if (!request.reuse_prefix && !extensions && dialect != Dialect::Shimmy) dropped.push_back("cold prompt");
  return dropped;
}

}  // namespace moestress::target
