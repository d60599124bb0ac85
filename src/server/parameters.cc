#include "server/parameters.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

namespace moestress::server {

namespace {

/// Bounds on what one request may hold; a client that needs more is broken or hostile.
constexpr std::size_t kMessagesMax = 4096;
constexpr std::size_t kPartsMax = 1024;

ApiError wrong_type(const std::string& name, const char* wanted, const nlohmann::json& value) {
  return bad_parameter(name, fmt::format("'{}' must be {}, not {}", name, wanted, value.type_name()),
                       "invalid_type");
}

/// The text of a message's content, or the error. An assistant's content may be null.
ApiResult<std::string> content_text(const nlohmann::json& message, const std::string& path,
                                    bool may_be_null) {
  const auto content = message.find("content");
  if (content == message.end() || content->is_null()) {
    if (may_be_null) return std::string{};
    return tl::unexpected(
        bad_parameter(path, fmt::format("'{}' is missing", path), "missing_required_parameter"));
  }
  if (content->is_string()) return content->get<std::string>();
  if (!content->is_array())
    return tl::unexpected(wrong_type(path, "a string or an array of text parts", *content));
  if (content->size() > kPartsMax) {
    return tl::unexpected(bad_parameter(
        path, fmt::format("'{}' has {} parts; at most {} are taken", path, content->size(), kPartsMax)));
  }
  std::string text;
  for (std::size_t i = 0; i < content->size(); ++i) {
    const nlohmann::json& part = (*content)[i];
    const std::string at = fmt::format("{}[{}]", path, i);
    if (!part.is_object()) return tl::unexpected(wrong_type(at, "an object", part));
    if (part.value("type", nlohmann::json()) != "text") {
      return tl::unexpected(bad_parameter(
          at, fmt::format("'{}' is not of type 'text'; this server takes text only", at), "invalid_value"));
    }
    const auto piece = part.find("text");
    if (piece == part.end() || !piece->is_string()) {
      return tl::unexpected(
          bad_parameter(at + ".text", fmt::format("'{}.text' must be a string", at), "invalid_type"));
    }
    text += piece->get_ref<const std::string&>();
  }
  return text;
}

ApiResult<record::Message> one_message(const nlohmann::json& value, const std::string& path) {
  if (!value.is_object()) return tl::unexpected(wrong_type(path, "an object with role and content", value));
  const auto role = value.find("role");
  if (role == value.end() || !role->is_string()) {
    return tl::unexpected(
        bad_parameter(path + ".role", fmt::format("'{}.role' must be a string", path), "invalid_type"));
  }
  record::Message message{.role = role->get<std::string>(), .content = {}};
  if (message.role == "developer") message.role = "system";  // OpenAI's newer name for it
  if (message.role != "system" && message.role != "user" && message.role != "assistant") {
    return tl::unexpected(bad_parameter(
        path + ".role", fmt::format("'{}.role' must be 'system', 'developer', 'user' or 'assistant'", path),
        "invalid_value"));
  }
  auto content = content_text(value, path + ".content", message.role == "assistant");
  if (!content) return tl::unexpected(std::move(content.error()));
  message.content = std::move(*content);
  return message;
}

}  // namespace

Parameters::Parameters(const nlohmann::json& body) : body_(body) {
  if (!body.is_object()) {
    fail(ApiError{.message = fmt::format("the body must be a JSON object, not {}", body.type_name()),
                  .code = "invalid_type"});
  }
}

void Parameters::fail(ApiError error) {
  if (!error_) error_ = std::move(error);
}

const nlohmann::json* Parameters::find(const char* name) const {
  if (error_) return nullptr;
  const auto found = body_.find(name);
  return found == body_.end() || found->is_null() ? nullptr : &*found;
}

std::optional<bool> Parameters::boolean(const char* name) {
  const nlohmann::json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) {
    fail(wrong_type(name, "true or false", *value));
    return std::nullopt;
  }
  return value->get<bool>();
}

std::optional<std::int64_t> Parameters::integer(const char* name, std::int64_t min, std::int64_t max) {
  const nlohmann::json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number_integer()) {
    fail(wrong_type(name, "an integer", *value));
    return std::nullopt;
  }
  const bool too_large =
      value->is_number_unsigned() &&
      value->get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const std::int64_t number = too_large ? max : value->get<std::int64_t>();
  if (too_large || number < min || number > max) {
    fail(bad_parameter(name,
                       fmt::format("'{}' must be between {} and {}, not {}", name, min, max, value->dump()),
                       "invalid_value"));
    return std::nullopt;
  }
  return number;
}

std::optional<double> Parameters::number(const char* name, double min, double max) {
  const nlohmann::json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) {
    fail(wrong_type(name, "a number", *value));
    return std::nullopt;
  }
  const double number = value->get<double>();
  if (!std::isfinite(number) || number < min || number > max) {
    fail(bad_parameter(name, fmt::format("'{}' must be between {} and {}, not {}", name, min, max, number),
                       "invalid_value"));
    return std::nullopt;
  }
  return number;
}

std::optional<std::string> Parameters::string(const char* name) {
  const nlohmann::json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    fail(wrong_type(name, "a string", *value));
    return std::nullopt;
  }
  return value->get<std::string>();
}

std::vector<std::string> Parameters::strings(const char* name, std::size_t count_max) {
  const nlohmann::json* value = find(name);
  if (value == nullptr) return {};
  const nlohmann::json list = value->is_string() ? nlohmann::json::array({*value}) : *value;
  if (!list.is_array()) {
    fail(wrong_type(name, "a string or an array of strings", *value));
    return {};
  }
  if (list.size() > count_max) {
    fail(bad_parameter(name,
                       fmt::format("'{}' has {} strings; at most {} are taken", name, list.size(), count_max),
                       "invalid_value"));
    return {};
  }
  std::vector<std::string> strings;
  for (const nlohmann::json& item : list) {
    if (!item.is_string()) {
      fail(wrong_type(name, "a string or an array of strings", item));
      return {};
    }
    if (item.get_ref<const std::string&>().empty()) {
      fail(bad_parameter(name, fmt::format("'{}' has an empty string", name), "invalid_value"));
      return {};
    }
    strings.push_back(item.get<std::string>());
  }
  return strings;
}

std::vector<std::int32_t> Parameters::tokens(const char* name) {
  const nlohmann::json* value = find(name);
  if (value == nullptr) return {};
  if (!value->is_array()) {
    fail(wrong_type(name, "an array of token ids", *value));
    return {};
  }
  std::vector<std::int32_t> tokens;
  tokens.reserve(value->size());
  for (const nlohmann::json& item : *value) {
    const bool fits =
        item.is_number_unsigned() &&
        item.get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max());
    if (!fits) {
      fail(bad_parameter(fmt::format("{}[{}]", name, tokens.size()),
                         fmt::format("'{}[{}]' is not a token id", name, tokens.size()), "invalid_value"));
      return {};
    }
    tokens.push_back(item.get<std::int32_t>());
  }
  return tokens;
}

std::vector<record::Message> Parameters::messages(const char* name) {
  const nlohmann::json* value = find(name);
  if (value == nullptr) return {};
  if (!value->is_array()) {
    fail(wrong_type(name, "an array of messages", *value));
    return {};
  }
  if (value->empty() || value->size() > kMessagesMax) {
    fail(bad_parameter(
        name,
        fmt::format("'{}' must have between 1 and {} messages, not {}", name, kMessagesMax, value->size()),
        "invalid_value"));
    return {};
  }
  std::vector<record::Message> messages;
  for (std::size_t i = 0; i < value->size(); ++i) {
    auto message = one_message((*value)[i], fmt::format("{}[{}]", name, i));
    if (!message) {
      fail(std::move(message.error()));
      return {};
    }
    messages.push_back(std::move(*message));
  }
  return messages;
}

}  // namespace moestress::server
