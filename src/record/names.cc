#include <array>

#include "base/check.h"
#include "record/outcome.h"
#include "record/request.h"
#include "record/result.h"

namespace moestress::record {
namespace {

constexpr std::array kVerdicts{Verdict::Pass, Verdict::Fail, Verdict::Inconclusive, Verdict::Invalid,
                               Verdict::Skipped};

}  // namespace

const char* to_string(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::Chat:
      return "chat";
    case Endpoint::Completion:
      return "completion";
    case Endpoint::ShimmyGenerate:
      return "shimmy_generate";
    case Endpoint::ShimmyWebSocket:
      return "shimmy_websocket";
  }
  return "unknown";
}

const char* to_string(Ending ending) {
  switch (ending) {
    case Ending::Complete:
      return "complete";
    case Ending::Refused:
      return "refused";
    case Ending::Reset:
      return "reset";
    case Ending::ConnectTimeout:
      return "connect_timeout";
    case Ending::FirstByteTimeout:
      return "first_byte_timeout";
    case Ending::IdleTimeout:
      return "idle_timeout";
    case Ending::TotalTimeout:
      return "total_timeout";
    case Ending::MalformedResponse:
      return "malformed_response";
    case Ending::TruncatedStream:
      return "truncated_stream";
    case Ending::MissingEndMarker:
      return "missing_end_marker";
    case Ending::Http4xx:
      return "http_4xx";
    case Ending::Http5xx:
      return "http_5xx";
    case Ending::ServerError:
      return "server_error";
    case Ending::TooLarge:
      return "too_large";
    case Ending::Cancelled:
      return "cancelled";
  }
  return "unknown";
}

const char* to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::Pass:
      return "PASS";
    case Verdict::Fail:
      return "FAIL";
    case Verdict::Inconclusive:
      return "INCONCLUSIVE";
    case Verdict::Invalid:
      return "INVALID";
    case Verdict::Skipped:
      return "SKIPPED";
  }
  return "UNKNOWN";
}

std::optional<Verdict> verdict_from(const std::string& name) {
  for (const Verdict verdict : kVerdicts)
    if (name == to_string(verdict)) return verdict;
  return std::nullopt;
}

Verdict combine(const std::vector<Verdict>& verdicts) {
  bool passed = false;
  Verdict worst = Verdict::Pass;
  for (const Verdict verdict : verdicts) {
    if (verdict == Verdict::Fail) return Verdict::Fail;
    if (verdict == Verdict::Pass) passed = true;
    if (verdict == Verdict::Invalid) worst = Verdict::Invalid;
    if (verdict == Verdict::Inconclusive && worst != Verdict::Invalid) worst = Verdict::Inconclusive;
  }
  if (worst != Verdict::Pass) return worst;
  return passed ? Verdict::Pass : Verdict::Skipped;
}

Verdict verdict_of(const ModelResult& model) {
  std::vector<Verdict> verdicts;
  for (const TestResult& test : model.tests) verdicts.push_back(test.verdict);
  for (const CriterionResult& criterion : model.criteria) verdicts.push_back(criterion.verdict);
  for (const CheckResult& check : model.checks) verdicts.push_back(check.verdict);
  return combine(verdicts);
}

Verdict verdict_of(const std::vector<ModelResult>& models) {
  std::vector<Verdict> verdicts;
  verdicts.reserve(models.size());
  for (const ModelResult& model : models) verdicts.push_back(verdict_of(model));
  return combine(verdicts);
}

}  // namespace moestress::record
