#include "target/readiness.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "target/decoder.h"

namespace moestress::target {
namespace {

using base::ErrorCode;
using nlohmann::json;

constexpr base::Duration kEagerFor = std::chrono::seconds(2);
constexpr base::Duration kEagerStep = std::chrono::milliseconds(20);
constexpr base::Duration kStep = std::chrono::milliseconds(100);

/// The JSON object that a GET of `path` gives with status 200, or an empty one.
json object_at(const Ask& ask, const std::string& path) {
  const auto response = ask(path);
  if (!response || response->status != 200) return json::object();
  json document = json::parse(response->body, nullptr, false);
  return document.is_object() ? document : json::object();
}

bool has_array(const json& document, const char* name) {
  const auto found = document.find(name);
  return found != document.end() && found->is_array();
}

bool has_string(const json& document, const char* name) {
  const auto found = document.find(name);
  return found != document.end() && found->is_string();
}

/// A text of the first entry of the list `list`, or empty.
std::string first_entry(const json& document, const char* list, const char* name) {
  if (!has_array(document, list) || document[list].empty()) return "";
  const json& entry = document[list].front();
  return entry.is_object() && has_string(entry, name) ? entry[name].get<std::string>() : "";
}

}  // namespace

Readiness look(const Ask& ask) {
  Readiness seen;
  for (const char* path : {"/health", "/v1/models", "/api/version"}) {
    const auto response = ask(path);
    if (!response) {
      seen.what = response.error().message;
      return seen;
    }
    const int status = response->status;
    if (status >= 200 && status < 300) return {Readiness::State::Ready, ""};
    seen.what =
        fmt::format("GET {}: HTTP {} {}", path, status, base::printable(error_text(response->body), 120));
    if (status == 401 || status == 403) seen.state = Readiness::State::Refuses;
    if (status >= 500 || seen.state == Readiness::State::Refuses) return seen;
  }
  return seen;
}

base::Result<base::Duration> wait_until_ready(const Ask& ask, const base::Clock& clock,
                                              const WaitPlan& plan) {
  const base::TimePoint begin = clock.now();
  for (;;) {
    if (plan.cancelled && plan.cancelled()) return base::fail(ErrorCode::Cancelled, "interrupted");
    const Readiness seen = look(ask);
    const base::Duration elapsed = clock.now() - begin;
    // The program first: what answers after its death is another one.
    if (const auto death = plan.death())
      return base::fail(ErrorCode::TargetDied,
                        "the target's program {} before it was ready; its log ends:\n{}", *death,
                        plan.last_words());
    if (seen.state == Readiness::State::Ready) return elapsed;
    if (seen.state == Readiness::State::Refuses)
      return base::fail(ErrorCode::Unreachable, "{} refuses us ({}); give the API key it wants", plan.target,
                        seen.what);
    if (elapsed >= plan.timeout) {
      const std::string words = plan.last_words();
      return base::fail(ErrorCode::Unreachable,
                        "{} was not ready after {}; asked /health, /v1/models and "
                        "/api/version, last answer: {}{}{}",
                        plan.target, base::human_seconds(base::to_seconds(plan.timeout)), seen.what,
                        words.empty() ? "" : "\nIts log ends:\n", words);
    }
    plan.sleep(elapsed < kEagerFor ? kEagerStep : kStep);
  }
}

Dialect detect_dialect(const Ask& ask) {
  const json props = object_at(ask, "/props");
  if (has_string(props, "server") && props["server"] == "moestress") return Dialect::Moestress;
  if (props.contains("default_generation_settings") || props.contains("total_slots"))
    return Dialect::LlamaServer;

  const json health = object_at(ask, "/health");
  if (has_string(health, "service") && health["service"] == "shimmy") return Dialect::Shimmy;
  if (has_array(object_at(ask, "/api/models"), "models")) {
    const auto diagnosis = ask("/diag");
    if (diagnosis && diagnosis->status == 200) return Dialect::Shimmy;
  }

  if (has_string(object_at(ask, "/api/version"), "version") &&
      has_array(object_at(ask, "/api/tags"), "models"))
    return Dialect::Ollama;

  const std::string owner = first_entry(object_at(ask, "/v1/models"), "data", "owned_by");
  if (owner == "llamacpp") return Dialect::LlamaServer;
  if (owner == "vllm" || has_string(object_at(ask, "/version"), "version")) return Dialect::Vllm;
  return Dialect::OpenAi;
}

base::Result<std::string> first_model(const Ask& ask, Dialect dialect) {
  const bool ollama = dialect == Dialect::Ollama;
  const char* path = ollama ? "/api/tags" : "/v1/models";
  const json document = object_at(ask, path);
  const std::string name =
      ollama ? first_entry(document, "models", "name") : first_entry(document, "data", "id");
  if (name.empty())
    return base::fail(ErrorCode::Usage, "the target names no model at {}: say which one to ask for", path);
  return name;
}

}  // namespace moestress::target
