#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "record/request.h"
#include "server/api_error.h"

namespace moestress::server {

/// Reads the parameters of one JSON object; the first that is wrong is kept, and everything after it gives
/// "absent". So a parser reads on and asks for `error` once, at its end. null counts as absent.
class Parameters {
 public:
  /// `body` must outlive this.
  explicit Parameters(const nlohmann::json& body);

  std::optional<bool> boolean(const char* name);
  std::optional<std::int64_t> integer(const char* name, std::int64_t min, std::int64_t max);
  std::optional<double> number(const char* name, double min, double max);
  std::optional<std::string> string(const char* name);
  /// A string, or an array of at most `count_max` strings; none of them empty.
  std::vector<std::string> strings(const char* name, std::size_t count_max);
  /// An array of integers that fit a token id.
  std::vector<std::int32_t> tokens(const char* name);
  /// A non-empty array of {"role","content"}; content is a string or an array of text parts.
  std::vector<record::Message> messages(const char* name);
  /// The member, or null where it is absent.
  const nlohmann::json* find(const char* name) const;

  void fail(ApiError error);
  const std::optional<ApiError>& error() const { return error_; }

 private:
  const nlohmann::json& body_;
  std::optional<ApiError> error_;
};

}  // namespace moestress::server
