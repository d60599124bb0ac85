#include "store/run_testing.h"

#include <unistd.h>

#include "base/check.h"

namespace moestress::store {

TestFolder::TestFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "moestress-store-test-XXXXXX").string();
  CHECK(::mkdtemp(name.data()) != nullptr);
  folder_ = name;
}

TestFolder::~TestFolder() { std::filesystem::remove_all(folder_); }

RunInfo example_info() {
  RunInfo info;
  info.id = "r1";
  info.suite = "smoke";
  info.scale = 0.25;
  info.seed = 0xFEDCBA9876543210;
  info.started = "2026-03-01T12:00:00Z";
  info.version = "0.1.0";
  info.environment_json = "{}";
  info.target_json = "{\"dialect\":\"openai\"}";
  return info;
}

record::Outcome example_outcome(std::int64_t request) {
  record::Outcome o;
  o.request.value = request;
  o.session.value = 3;
  o.endpoint = record::Endpoint::ShimmyGenerate;
  o.label = "code";
  o.ending = record::Ending::TruncatedStream;
  o.detail = "the connection ended";
  o.http_status = 200;
  o.finish_reason = "length";
  o.planned = base::Duration(1'000'000'000);
  o.sent = base::Duration(1'000'100'000);
  o.first_byte = base::Duration(1'200'000'000);
  o.first_text = base::Duration(1'200'000'001);
  o.last_text = base::Duration(1'400'000'000);
  o.done = base::Duration(1'400'000'010);
  o.chunks = {{o.first_text, "Grüße"}, {o.last_text, " da"}};
  o.text = "Grüße da";
  o.reasoning_bytes = 3;
  o.claims.completion_tokens = 2;
  o.claims.decode_ms = 12.5;
  o.prompt_tokens = 11;
  o.completion_tokens = 3;
  return o;
}

record::RoutingTrace example_trace(std::size_t tokens) {
  record::RoutingTrace trace;
  trace.layers = {1, 2, 5};
  trace.experts = 8;
  trace.k = 2;
  trace.tokens = tokens;
  for (std::size_t i = 0; i < tokens * 6; ++i) {
    trace.ids.push_back(i % 7 == 0 ? record::RoutingTrace::kAbsent : static_cast<std::uint16_t>(i * 5 % 8));
    trace.weights.push_back(0.25f * static_cast<float>(i % 4));
  }
  return trace;
}

}  // namespace moestress::store
