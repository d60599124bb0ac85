// The routes /tokenize and /detokenize, in llama-server's shapes.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "server/api.h"
#include "server/json_text.h"
#include "server/parameters.h"

namespace moestress::server {

namespace {

using Json = nlohmann::ordered_json;

Json tokens_json(const engine::Model& model, const std::vector<engine::Token>& tokens, bool with_pieces) {
  Json list = Json::array();
  for (const engine::Token token : tokens) {
    if (with_pieces) {
      list.push_back({{"id", token}, {"piece", model.piece(token, true)}});
    } else {
      list.push_back(token);
    }
  }
  return {{"tokens", std::move(list)}};
}

}  // namespace

void Api::post_tokenize(const net::ServerRequest& request, const Shared& exchange) {
  const auto body = parse_json(request.body);
  if (!body) {
    exchange->send_error({.message = body.error().message, .code = "invalid_json"});
    return;
  }
  Parameters parameters(*body);
  auto content = parameters.string("content");
  if (!content)
    parameters.fail(bad_parameter("content", "'content' is missing", "missing_required_parameter"));
  const bool add_special = parameters.boolean("add_special").value_or(false);
  const bool parse_special = parameters.boolean("parse_special").value_or(true);
  const bool with_pieces = parameters.boolean("with_pieces").value_or(false);
  if (parameters.error()) {
    exchange->send_error(*parameters.error());
    return;
  }
  work_.push([=, this, model = loaded_->model, content = std::move(*content)] {
    std::string answer =
        to_text(tokens_json(*model, model->tokenize(content, add_special, parse_special), with_pieces));
    loop_.post([exchange, answer = std::move(answer)] { exchange->send_json(200, answer); });
  });
}

void Api::post_detokenize(const net::ServerRequest& request, const Shared& exchange) {
  const auto body = parse_json(request.body);
  if (!body) {
    exchange->send_error({.message = body.error().message, .code = "invalid_json"});
    return;
  }
  Parameters parameters(*body);
  const std::vector<engine::Token> tokens = parameters.tokens("tokens");
  if (parameters.find("tokens") == nullptr) {
    parameters.fail(bad_parameter("tokens", "'tokens' is missing", "missing_required_parameter"));
  }
  const int vocabulary = loaded_->served.info.vocabulary;
  for (const engine::Token token : tokens) {
    if (token < vocabulary) continue;
    parameters.fail(bad_parameter(
        "tokens", fmt::format("'tokens' has {}; the vocabulary has {} tokens", token, vocabulary),
        "invalid_value"));
  }
  if (parameters.error()) {
    exchange->send_error(*parameters.error());
    return;
  }
  work_.push([=, this, model = loaded_->model] {
    std::string answer = to_text({{"content", model->detokenize(tokens)}});
    loop_.post([exchange, answer = std::move(answer)] { exchange->send_json(200, answer); });
  });
}

}  // namespace moestress::server
