#include "server/openai_response.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "server/json_text.h"

namespace moestress::server {

namespace {

using Json = nlohmann::ordered_json;

/// JSON can't hold -inf; OpenAI gives -9999 for what is that unlikely.
double finite_logprob(float logprob) { return std::max(static_cast<double>(logprob), -9999.0); }

/// A token as a string: bytes that are not whole characters are shown as \xNN, as OpenAI does.
std::string shown_token(const std::string& bytes) {
  if (base::is_valid_utf8(bytes)) return bytes;
  std::string shown;
  for (const unsigned char byte : bytes) fmt::format_to(std::back_inserter(shown), "\\x{:02x}", byte);
  return shown;
}

Json token_bytes(const std::string& bytes) {
  Json array = Json::array();
  for (const unsigned char byte : bytes) array.push_back(static_cast<int>(byte));
  return array;
}

Json chat_logprobs(const std::vector<TokenLogprob>& tokens) {
  Json content = Json::array();
  for (const TokenLogprob& token : tokens) {
    Json top = Json::array();
    for (const auto& [text, logprob] : token.top) {
      top.push_back(
          {{"token", shown_token(text)}, {"logprob", finite_logprob(logprob)}, {"bytes", token_bytes(text)}});
    }
    content.push_back({{"token", shown_token(token.text)},
                       {"logprob", finite_logprob(token.logprob)},
                       {"bytes", token.control ? Json(nullptr) : token_bytes(token.text)},
                       {"top_logprobs", std::move(top)}});
  }
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

/// The older shape: parallel arrays. Byte tokens get OpenAI's "bytes:" in front.
Json completion_logprobs(const std::vector<TokenLogprob>& tokens, std::size_t text_offset) {
  const auto name = [](const std::string& bytes) {
    return (base::is_valid_utf8(bytes) ? "" : "bytes:") + shown_token(bytes);
  };
  Json names = Json::array();
  Json values = Json::array();
  Json tops = Json::array();
  Json offsets = Json::array();
  for (const TokenLogprob& token : tokens) {
    names.push_back(name(token.text));
    values.push_back(finite_logprob(token.logprob));
    Json top = Json::object();
    for (const auto& [text, logprob] : token.top) top.emplace(name(text), finite_logprob(logprob));
    tops.push_back(std::move(top));
    offsets.push_back(text_offset);
    if (!token.control) text_offset += character_starts(token.text);
  }
  return {{"tokens", std::move(names)},
          {"token_logprobs", std::move(values)},
          {"top_logprobs", std::move(tops)},
          {"text_offset", std::move(offsets)}};
}

Json usage(const ReplyEnd& end) {
  return {{"prompt_tokens", end.prompt_tokens},
          {"completion_tokens", end.completion_tokens},
          {"total_tokens", end.prompt_tokens + end.completion_tokens}};
}

/// llama-server's figures, from the engine's own clock.
Json timings(const ReplyEnd& end) {
  const double prompt_ms = base::to_ms(end.prompt_time);
  const double predicted_ms = base::to_ms(end.decode_time);
  const auto ratio = [](double a, double b) { return b > 0 ? a / b : 0.0; };
  return {{"prompt_n", end.prompt_tokens},
          {"prompt_ms", prompt_ms},
          {"prompt_per_token_ms", ratio(prompt_ms, end.prompt_tokens)},
          {"prompt_per_second", ratio(1000.0 * end.prompt_tokens, prompt_ms)},
          {"predicted_n", end.completion_tokens},
          {"predicted_ms", predicted_ms},
          {"predicted_per_token_ms", ratio(predicted_ms, end.completion_tokens)},
          {"predicted_per_second", ratio(1000.0 * end.completion_tokens, predicted_ms)}};
}

bool is_chat(const ReplyIdentity& identity) { return identity.endpoint == record::Endpoint::Chat; }

Json envelope(const ReplyIdentity& identity, const char* object, Json choices) {
  return {{"id", identity.id},
          {"object", object},
          {"created", identity.created},
          {"model", identity.model},
          {"system_fingerprint", identity.system_fingerprint},
          {"choices", std::move(choices)}};
}

Json logprobs_of(const ReplyIdentity& identity, const std::vector<TokenLogprob>& tokens,
                 std::size_t text_offset) {
  if (!identity.logprobs) return nullptr;
  return is_chat(identity) ? chat_logprobs(tokens) : completion_logprobs(tokens, text_offset);
}

Json chunk(const ReplyIdentity& identity, Json choices) {
  Json body =
      envelope(identity, is_chat(identity) ? "chat.completion.chunk" : "text_completion", std::move(choices));
  if (identity.include_usage) body["usage"] = nullptr;
  return body;
}

Json choice(const char* content_key, Json content, Json logprobs, Json finish_reason) {
  return Json::array({{{"index", 0},
                       {content_key, std::move(content)},
                       {"logprobs", std::move(logprobs)},
                       {"finish_reason", std::move(finish_reason)}}});
}

}  // namespace

std::size_t character_starts(std::string_view bytes) {
  return static_cast<std::size_t>(std::count_if(bytes.begin(), bytes.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
  }));
}

std::string full_response(const ReplyIdentity& identity, const std::string& text,
                          const std::vector<TokenLogprob>& logprobs, const ReplyEnd& end) {
  const bool chat = is_chat(identity);
  Json content = chat ? Json{{"role", "assistant"}, {"content", text}, {"refusal", nullptr}} : Json(text);
  Json body = envelope(identity, chat ? "chat.completion" : "text_completion",
                       choice(chat ? "message" : "text", std::move(content),
                              logprobs_of(identity, logprobs, 0), end.finish_reason));
  body["usage"] = usage(end);
  body["timings"] = timings(end);
  return to_text(body);
}

std::string role_chunk(const ReplyIdentity& identity) {
  return to_text(
      chunk(identity, choice("delta", {{"role", "assistant"}, {"content", ""}}, nullptr, nullptr)));
}

std::string text_chunk(const ReplyIdentity& identity, const ReplyPiece& piece, std::size_t text_offset) {
  const bool chat = is_chat(identity);
  Json content = chat ? Json{{"content", piece.text}} : Json(piece.text);
  return to_text(chunk(identity, choice(chat ? "delta" : "text", std::move(content),
                                        logprobs_of(identity, piece.logprobs, text_offset), nullptr)));
}

std::string end_chunk(const ReplyIdentity& identity, const ReplyEnd& end) {
  const bool chat = is_chat(identity);
  Json body = chunk(identity, choice(chat ? "delta" : "text", chat ? Json::object() : Json(""), nullptr,
                                     end.finish_reason));
  if (!identity.include_usage) body["timings"] = timings(end);  // else on the chunk that is really the last
  return to_text(body);
}

std::string usage_chunk(const ReplyIdentity& identity, const ReplyEnd& end) {
  Json body = chunk(identity, Json::array());
  body["usage"] = usage(end);
  body["timings"] = timings(end);
  return to_text(body);
}

std::string sse_event(std::string_view data) {
  std::string event = "data: ";
  for (std::size_t i = 0; i < data.size(); ++i) {
    // SSE ends lines at CR, LF and CRLF alike, so a CR can't be carried as itself.
    if (data[i] == '\r' && i + 1 < data.size() && data[i + 1] == '\n') continue;
    if (data[i] == '\n' || data[i] == '\r') {
      event += "\ndata: ";
    } else {
      event += data[i];
    }
  }
  event += "\n\n";
  return event;
}

}  // namespace moestress::server
