#include "target/reply_document.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/text.h"

namespace moestress::target {
namespace {

using nlohmann::json;
using record::Ending;

// A byte that is not part of well-formed UTF-8 travels through the JSON parser, which would refuse it, as one
// of the last 128 code points of the last private plane (U+10FF80 + byte − 0x80), and becomes a byte again
// behind it.
constexpr std::string_view kCarrier = "\xF4\x8F";  // the first two bytes of all of them

std::string carry_bytes(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 64);
  while (!text.empty()) {
    std::size_t length = 1;
    while (length < 4 && length < text.size() && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80)
      ++length;
    while (length > 1 && !base::is_valid_utf8(text.substr(0, length))) --length;
    const auto byte = static_cast<unsigned char>(text.front());
    if (base::is_valid_utf8(text.substr(0, length))) {
      out.append(text.substr(0, length));
    } else {
      const unsigned code = byte - 0x80U;  // 0..127
      out.append(kCarrier);
      out.push_back(static_cast<char>(0xBE + (code >> 6)));
      out.push_back(static_cast<char>(0x80 + (code & 0x3F)));
    }
    text.remove_prefix(length);
  }
  return out;
}

std::string restore_bytes(std::string text) {
  std::size_t to = 0;
  for (std::size_t from = 0; from < text.size();) {
    const auto third = from + 3 < text.size() ? static_cast<unsigned char>(text[from + 2]) : 0;
    if (text.compare(from, 2, kCarrier) == 0 && third >= 0xBE) {
      const unsigned low = static_cast<unsigned char>(text[from + 3]) & 0x3FU;
      text[to++] = static_cast<char>(0x80U + ((third - 0xBEU) << 6) + low);
      from += 4;
    } else {
      text[to++] = text[from++];
    }
  }
  text.resize(to);
  return text;
}

/// One document while it is read.
struct Reading {
  Reply& reply;
  const Decoder::OnText& on_text;
  bool carried = false;  ///< strings hold carried bytes

  bool fault(Ending ending, std::string detail) {
    reply.fault = ending;
    reply.detail = std::move(detail);
    return false;
  }
  /// A text that may be absent or null, but nothing else.
  bool text(const json& holder, const char* name, bool reasoning) {
    const auto found = holder.find(name);
    if (found == holder.end() || found->is_null()) return true;
    if (!found->is_string())
      return fault(Ending::MalformedResponse,
                   fmt::format("'{}' is a JSON {}, expected a string", name, found->type_name()));
    const auto& value = found->get_ref<const std::string&>();
    if (value.empty()) return true;
    if (carried) {
      on_text(restore_bytes(value), reasoning);
    } else {
      on_text(value, reasoning);
    }
    return true;
  }
};

const json* member(const json& holder, const char* name) {
  if (!holder.is_object()) return nullptr;
  const auto found = holder.find(name);
  return found == holder.end() || found->is_null() ? nullptr : &*found;
}

/// A count that could be one: up to 2^53, so that it is exact in every reader of a report.
std::optional<std::int64_t> count(const json& holder, const char* name) {
  const json* value = member(holder, name);
  if (value == nullptr || !value->is_number_integer()) return std::nullopt;
  constexpr std::int64_t kMax = std::int64_t{1} << 53;
  if (value->is_number_unsigned() && value->get<std::uint64_t>() > static_cast<std::uint64_t>(kMax))
    return std::nullopt;
  const auto number = value->get<std::int64_t>();
  return number >= 0 && number <= kMax ? std::optional(number) : std::nullopt;
}

std::optional<double> duration_ms(const json& holder, const char* name, double per_ms) {
  const json* value = member(holder, name);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  const double ms = value->get<double>() / per_ms;
  constexpr double kMaxMs = 1e12;  // thirty years
  return std::isfinite(ms) && ms >= 0 && ms <= kMaxMs ? std::optional(ms) : std::nullopt;
}

template <class T>
void claim(std::optional<T>& to, std::optional<T> value) {
  if (value) to = value;
}

void take_finish_reason(const json& holder, const char* name, Reply& reply) {
  if (const json* reason = member(holder, name); reason != nullptr && reason->is_string())
    reply.finish_reason = base::printable(reason->get_ref<const std::string&>(), 64);
}

/// The error that a document is, if it is one: "context_length_exceeded: This model's maximum …".
std::optional<std::string> error_in(const json& document) {
  const json* message = member(document, "error");
  if (message == nullptr) {
    const json* object = member(document, "object");  // vLLM before 0.10: {"object":"error","message":…}
    if (object == nullptr || *object != "error") return std::nullopt;
    message = &document;
  }
  if (message->is_string()) return message->get<std::string>();
  const json* text = member(*message, "message");
  if (text == nullptr || !text->is_string()) return message->dump();
  for (const char* name : {"code", "type"})
    if (const json* kind = member(*message, name); kind != nullptr && kind->is_string())
      return kind->get<std::string>() + ": " + text->get<std::string>();
  return text->get<std::string>();
}

/// The bytes of a token: "bytes" where the server gives them, since "token" can't hold half a character.
std::string token_bytes(const json& entry) {
  std::string text;
  if (const json* bytes = member(entry, "bytes"); bytes != nullptr && bytes->is_array()) {
    for (const json& byte : *bytes)
      if (byte.is_number_unsigned()) text.push_back(static_cast<char>(byte.get<std::uint64_t>() & 0xFFU));
    return text;
  }
  if (const json* token = member(entry, "token"); token != nullptr && token->is_string())
    text = token->get<std::string>();
  return text;
}

/// OpenAI's chat "logprobs": {"content":[{"token","logprob","bytes","top_logprobs":[{…}]}]}. What is not of
/// that shape is left out: a margin that is not known excuses nothing.
void read_logprobs(const json& logprobs, Reply& reply) {
  const json* content = member(logprobs, "content");
  if (content == nullptr || !content->is_array()) return;
  for (const json& entry : *content) {
    const json* logprob = member(entry, "logprob");
    if (logprob == nullptr || !logprob->is_number()) continue;
    record::TokenChoice choice{token_bytes(entry), logprob->get<double>(), std::nullopt};
    if (const json* top = member(entry, "top_logprobs"); top != nullptr && top->is_array()) {
      for (const json& other : *top) {
        const json* value = member(other, "logprob");
        if (value == nullptr || !value->is_number() || token_bytes(other) == choice.text) continue;
        const double margin = choice.logprob - value->get<double>();
        if (!choice.margin_nats || margin < *choice.margin_nats) choice.margin_nats = margin;
      }
    }
    reply.choices.push_back(std::move(choice));
  }
}

bool read_choice(Reading& reading, const json& choice) {
  if (!choice.is_object())
    return reading.fault(Ending::MalformedResponse, "an entry of 'choices' is no JSON object");
  if (!reading.text(choice, "text", false)) return false;
  for (const char* holder : {"delta", "message"}) {
    const json* part = member(choice, holder);
    if (part == nullptr) continue;
    if (!part->is_object())
      return reading.fault(Ending::MalformedResponse,
                           fmt::format("'{}' is a JSON {}, expected an object", holder, part->type_name()));
    const char* reasoning = part->contains("reasoning_content") ? "reasoning_content" : "reasoning";
    if (!reading.text(*part, reasoning, true) || !reading.text(*part, "content", false)) return false;
  }
  if (const json* logprobs = member(choice, "logprobs"); logprobs != nullptr)
    read_logprobs(*logprobs, reading.reply);
  if (member(choice, "finish_reason") != nullptr) {
    take_finish_reason(choice, "finish_reason", reading.reply);
    reading.reply.end_marker = true;
  }
  return true;
}

bool read_openai(Reading& reading, const json& document) {
  record::ServerClaims& claims = reading.reply.claims;
  if (const json* usage = member(document, "usage")) {
    claim(claims.prompt_tokens, count(*usage, "prompt_tokens"));
    claim(claims.completion_tokens, count(*usage, "completion_tokens"));
    if (const json* details = member(*usage, "prompt_tokens_details"))
      claim(claims.cached_prompt_tokens, count(*details, "cached_tokens"));
  }
  if (const json* timings = member(document, "timings")) {
    claim(claims.cached_prompt_tokens, count(*timings, "cache_n"));
    claim(claims.prompt_ms, duration_ms(*timings, "prompt_ms", 1));
    claim(claims.decode_ms, duration_ms(*timings, "predicted_ms", 1));
  }
  const json* choices = member(document, "choices");
  if (choices == nullptr) return true;
  if (!choices->is_array())
    return reading.fault(Ending::MalformedResponse,
                         fmt::format("'choices' is a JSON {}, expected an array", choices->type_name()));
  for (const json& choice : *choices)
    if (!read_choice(reading, choice)) return false;
  return true;
}

bool read_ollama(Reading& reading, const json& document) {
  if (!reading.text(document, "thinking", true) || !reading.text(document, "response", false)) return false;
  if (const json* message = member(document, "message")) {
    if (!message->is_object())
      return reading.fault(Ending::MalformedResponse,
                           fmt::format("'message' is a JSON {}, expected an object", message->type_name()));
    if (!reading.text(*message, "thinking", true) || !reading.text(*message, "content", false)) return false;
  }
  if (const json* done = member(document, "done"); done != nullptr && *done == true) {
    constexpr double kNsPerMs = 1e6;
    record::ServerClaims& claims = reading.reply.claims;
    claim(claims.prompt_tokens, count(document, "prompt_eval_count"));
    claim(claims.completion_tokens, count(document, "eval_count"));
    claim(claims.prompt_ms, duration_ms(document, "prompt_eval_duration", kNsPerMs));
    claim(claims.decode_ms, duration_ms(document, "eval_duration", kNsPerMs));
    take_finish_reason(document, "done_reason", reading.reply);
    reading.reply.end_marker = true;
  }
  return true;
}

}  // namespace

bool read_document(DocumentKind kind, std::string_view text, Reply& reply, const Decoder::OnText& on_text) {
  Reading reading{reply, on_text};
  json document;
  if (base::is_valid_utf8(text)) {
    document = json::parse(text, nullptr, false);
  } else {
    reading.carried = true;
    document = json::parse(carry_bytes(text), nullptr, false);
  }
  if (document.is_discarded())
    return reading.fault(Ending::MalformedResponse, "not JSON: " + base::printable(text, 120));
  if (!document.is_object())
    return reading.fault(Ending::MalformedResponse,
                         fmt::format("a JSON {}, expected an object", document.type_name()));
  if (const auto error = error_in(document))
    return reading.fault(Ending::ServerError, base::printable(*error));
  switch (kind) {
    case DocumentKind::OpenAi:
      return read_openai(reading, document);
    case DocumentKind::Ollama:
      return read_ollama(reading, document);
    case DocumentKind::Shimmy:
      return reading.text(document, "response", false);
  }
  return true;
}

bool read_control_frame(std::string_view frame, Reply& reply) {
  if (frame.empty() || frame.front() != '{') return false;
  const json document = json::parse(frame, nullptr, false);
  if (!document.is_object()) return false;
  if (const json* done = member(document, "done"); done != nullptr && *done == true) {
    reply.end_marker = true;
    take_finish_reason(document, "finish_reason", reply);
    return true;
  }
  // A model may well say {"error": …} among other things; a frame of shimmy's holds nothing else.
  if (document.size() != 1) return false;
  const auto error = error_in(document);
  if (!error) return false;
  reply.fault = Ending::ServerError;
  reply.detail = base::printable(*error);
  return true;
}

std::string error_text(std::string_view body) {
  const json document = json::parse(body, nullptr, false);
  if (const auto error = error_in(document)) return base::printable(*error);
  for (const char* name : {"detail", "message"})
    if (const json* value = member(document, name))
      return base::printable(value->is_string() ? value->get<std::string>() : value->dump());
  return base::printable(body);
}

}  // namespace moestress::target
