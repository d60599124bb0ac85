#include "server/openai_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "server/parameters.h"

namespace moestress::server {

namespace {

constexpr std::size_t kStopStringsMax = 16;
constexpr int kTopLogprobsMax = 20;
constexpr int kCompletionTokensDefault = 16;  // OpenAI's for /v1/completions
constexpr int kTokensMax = std::numeric_limits<int>::max();

void read_sampling(Parameters& parameters, ApiRequest& request) {
  record::Sampling& sampling = request.generation.sampling;
  sampling.temperature = parameters.number("temperature", 0, 2).value_or(1);
  // 0 means "the likeliest only", as any value does that is below every probability.
  sampling.top_p = std::max(parameters.number("top_p", 0, 1).value_or(1), 1e-9);
  sampling.top_k = static_cast<int>(parameters.integer("top_k", -1, kTokensMax).value_or(0));
  if (sampling.top_k < 0) sampling.top_k = 0;  // llama-server's and vLLM's "off"
  const auto seed = parameters.integer("seed", std::numeric_limits<std::int64_t>::min(),
                                       std::numeric_limits<std::int64_t>::max());
  if (seed && *seed != -1) request.seed = static_cast<std::uint64_t>(*seed);  // -1: llama-server's "draw one"
  request.generation.stop = parameters.strings("stop", kStopStringsMax);
  request.generation.ignore_eos = parameters.boolean("ignore_eos").value_or(false);
}

void read_stream(Parameters& parameters, ApiRequest& request) {
  request.stream = parameters.boolean("stream").value_or(false);
  const nlohmann::json* options = parameters.find("stream_options");
  if (options == nullptr) return;
  if (!request.stream) {
    parameters.fail(
        bad_parameter("stream_options", "'stream_options' is for requests with 'stream': true only"));
    return;
  }
  const auto usage = options->find("include_usage");
  if (!options->is_object()) {
    parameters.fail(bad_parameter("stream_options", "'stream_options' must be an object", "invalid_type"));
  } else if (usage != options->end() && !usage->is_null() && !usage->is_boolean()) {
    parameters.fail(bad_parameter("stream_options.include_usage",
                                  "'stream_options.include_usage' must be true or false", "invalid_type"));
  } else if (usage != options->end() && usage->is_boolean()) {
    request.include_usage = usage->get<bool>();
  }
}

void read_max_tokens(Parameters& parameters, ApiRequest& request) {
  const auto newer = parameters.integer("max_completion_tokens", 1, kTokensMax);
  const auto older = parameters.integer("max_tokens", 1, kTokensMax);
  const auto& chosen = newer ? newer : older;
  if (chosen) request.max_tokens = static_cast<int>(*chosen);
}

bool asks_for_nothing(const nlohmann::json& value) {
  if (const auto* text = value.get_ptr<const std::string*>()) return text->empty() || *text == "none";
  return value == 0 || value == false || value.empty();
}

/// Refuses what would change the reply and can't be done; the value that changes nothing is taken.
void refuse_unsupported(Parameters& parameters) {
  for (const char* name : {"n", "best_of"}) {
    const auto count = parameters.integer(name, 1, kTokensMax);
    if (count && *count != 1) {
      parameters.fail(bad_parameter(
          name,
          fmt::format("'{}' must be 1: this server gives one choice; send the request several times", name),
          "unsupported_value"));
    }
  }
  for (const char* name : {"presence_penalty", "frequency_penalty", "logit_bias", "tools", "functions",
                           "echo", "suffix", "audio", "prediction"}) {
    const nlohmann::json* value = parameters.find(name);
    if (value != nullptr && !asks_for_nothing(*value)) {
      parameters.fail(bad_parameter(name,
                                    fmt::format("'{}' is not supported by this server; leave it out", name),
                                    "unsupported_parameter"));
    }
  }
  const nlohmann::json* format = parameters.find("response_format");
  if (format != nullptr && !(format->is_object() && format->value("type", nlohmann::json()) == "text")) {
    parameters.fail(bad_parameter(
        "response_format", "'response_format' must be {\"type\":\"text\"} or left out", "unsupported_value"));
  }
}

void read_chat_logprobs(Parameters& parameters, ApiRequest& request) {
  const bool wanted = parameters.boolean("logprobs").value_or(false);
  const auto top = parameters.integer("top_logprobs", 0, kTopLogprobsMax);
  if (top && !wanted) {
    parameters.fail(bad_parameter("top_logprobs", "'top_logprobs' needs 'logprobs': true", "invalid_value"));
  }
  if (wanted) request.generation.top_logprobs = static_cast<int>(top.value_or(0));
}

void read_completion_prompt(Parameters& parameters, ApiRequest& request) {
  const nlohmann::json* prompt = parameters.find("prompt");
  if (prompt == nullptr) {
    parameters.fail(bad_parameter("prompt", "'prompt' is missing", "missing_required_parameter"));
    return;
  }
  // OpenAI also takes an array of prompts, one choice each. An array of one string is the same as the string.
  const nlohmann::json& one =
      prompt->is_array() && prompt->size() == 1 && !prompt->front().is_number() ? prompt->front() : *prompt;
  if (one.is_string()) {
    request.prompt = {.kind = PromptSource::Kind::Text, .text = one.get<std::string>()};
    return;
  }
  if (one.is_array() && !one.empty() && one.front().is_number()) {
    const nlohmann::json holder = {{"prompt", one}};
    Parameters inner(holder);
    request.prompt = {.kind = PromptSource::Kind::Tokens, .tokens = inner.tokens("prompt")};
    if (inner.error()) parameters.fail(*inner.error());
    return;
  }
  parameters.fail(
      bad_parameter("prompt", "'prompt' must be one string or one array of token ids", "invalid_type"));
}

ApiResult<ApiRequest> checked(const Parameters& parameters, ApiRequest request) {
  if (parameters.error()) return tl::unexpected(*parameters.error());
  return request;
}

}  // namespace

ApiResult<ApiRequest> parse_chat_request(const nlohmann::json& body) {
  Parameters parameters(body);
  ApiRequest request{.endpoint = record::Endpoint::Chat};
  request.model = parameters.string("model").value_or("");
  request.prompt = {.kind = PromptSource::Kind::Messages, .messages = parameters.messages("messages")};
  if (request.prompt.messages.empty()) {
    parameters.fail(bad_parameter("messages", "'messages' is missing", "missing_required_parameter"));
  }
  read_sampling(parameters, request);
  read_stream(parameters, request);
  read_max_tokens(parameters, request);
  read_chat_logprobs(parameters, request);
  refuse_unsupported(parameters);
  return checked(parameters, std::move(request));
}

ApiResult<ApiRequest> parse_completion_request(const nlohmann::json& body) {
  Parameters parameters(body);
  ApiRequest request{.endpoint = record::Endpoint::Completion};
  request.model = parameters.string("model").value_or("");
  read_completion_prompt(parameters, request);
  read_sampling(parameters, request);
  read_stream(parameters, request);
  read_max_tokens(parameters, request);
  if (!request.max_tokens) request.max_tokens = kCompletionTokensDefault;
  if (const auto logprobs = parameters.integer("logprobs", 0, kTopLogprobsMax)) {
    request.generation.top_logprobs = static_cast<int>(*logprobs);
  }
  refuse_unsupported(parameters);
  return checked(parameters, std::move(request));
}

ApiResult<ApiRequest> parse_shimmy_request(const nlohmann::json& body) {
  Parameters parameters(body);
  ApiRequest request{.endpoint = record::Endpoint::ShimmyGenerate};
  request.model = parameters.string("model").value_or("");
  if (auto messages = parameters.messages("messages"); !messages.empty()) {
    if (auto system = parameters.string("system"))
      messages.insert(messages.begin(), {"system", std::move(*system)});
    request.prompt = {.kind = PromptSource::Kind::Messages, .messages = std::move(messages)};
  } else if (auto prompt = parameters.string("prompt")) {
    request.prompt = {.kind = PromptSource::Kind::Text, .text = std::move(*prompt)};
  } else {
    parameters.fail(
        bad_parameter("prompt", "'prompt' or 'messages' is missing", "missing_required_parameter"));
  }
  read_sampling(parameters, request);
  // shimmy's own defaults, where they are not OpenAI's.
  record::Sampling& sampling = request.generation.sampling;
  if (parameters.find("temperature") == nullptr) sampling.temperature = 0.7;
  if (parameters.find("top_p") == nullptr) sampling.top_p = 0.9;
  if (parameters.find("top_k") == nullptr) sampling.top_k = 40;
  read_max_tokens(parameters, request);
  if (!request.max_tokens) request.max_tokens = 256;
  request.stream = parameters.boolean("stream").value_or(true);
  return checked(parameters, std::move(request));
}

}  // namespace moestress::server
