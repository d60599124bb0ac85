#include "server/metrics_text.h"

#include <fmt/format.h>

#include <iterator>
#include <string_view>

#include "base/check.h"

namespace moestress::server {

namespace {

/// A label's value with backslash, quote and line feed escaped.
std::string escaped(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

class Exposition {
 public:
  void family(const char* name, const char* type, const char* help) {
    name_ = name;
    fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  template <class Number>
  void sample(std::string_view labels, Number value) {
    fmt::format_to(std::back_inserter(text_), "{}{} {}\n", name_, labels, value);
  }
  template <class Number>
  void single(const char* name, const char* type, const char* help, Number value) {
    family(name, type, help);
    sample("", value);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
  const char* name_ = "";
};

void add_engine(Exposition& out, const engine::BatcherStats& stats) {
  out.single("moestress_slots", "gauge", "Sequences that are decoded together at most.", stats.slots);
  out.single("moestress_slots_busy", "gauge", "Sequences that are decoded now.", stats.slots_busy);
  out.single("moestress_prompt_tokens_total", "counter", "Prompt tokens evaluated.",
             stats.prompt_tokens_total);
  out.single("moestress_completion_tokens_total", "counter", "Tokens generated.",
             stats.completion_tokens_total);
  out.single("moestress_decode_calls_total", "counter", "Batches that the engine has decoded.",
             stats.decode_calls_total);
  out.single("moestress_generations_total", "counter", "Generations handed to the engine.",
             stats.requests_total);
  out.single("moestress_generations_cancelled_total", "counter", "Generations that were cancelled.",
             stats.cancelled_total);
}

void add_memory(Exposition& out, const std::vector<engine::MemoryUse>& memory) {
  out.family("moestress_device_bytes", "gauge", "Bytes that the engine holds on a device, by kind.");
  for (const engine::MemoryUse& use : memory) {
    const auto one = [&](const char* kind, std::uint64_t bytes) {
      out.sample(
          fmt::format("{{device=\"{}\",host=\"{}\",kind=\"{}\"}}", escaped(use.device), use.host, kind),
          bytes);
    };
    one("model", use.model_bytes);
    one("context", use.context_bytes);
    one("compute", use.compute_bytes);
  }
}

}  // namespace

std::string metrics_text(const MetricsSnapshot& snapshot) {
  CHECK(snapshot.counters != nullptr);
  Exposition out;
  out.family("moestress_build_info", "gauge", "Always 1; the version is in the label.");
  out.sample(fmt::format("{{version=\"{}\"}}", escaped(snapshot.version)), 1);
  out.single("moestress_uptime_seconds", "gauge", "Seconds since the server began to listen.",
             snapshot.uptime_seconds);
  out.single("moestress_model_loaded", "gauge", "1 once the model is loaded.", snapshot.engine ? 1 : 0);
  out.single("moestress_connections", "gauge", "Connections that are open.", snapshot.connections);
  out.single("moestress_queue_length", "gauge", "Requests that wait for a slot.", snapshot.waiting);
  out.single("moestress_clients_left_total", "counter",
             "Requests whose client left before the answer was complete.", snapshot.counters->clients_left);
  out.family("moestress_requests_total", "counter", "Requests answered, by endpoint and status.");
  for (const auto& [key, count] : snapshot.counters->requests) {
    out.sample(fmt::format("{{endpoint=\"{}\",status=\"{}\"}}", escaped(key.first), key.second), count);
  }
  if (snapshot.engine) {
    add_engine(out, *snapshot.engine);
    add_memory(out, snapshot.memory);
  }
  return out.take();
}

}  // namespace moestress::server
