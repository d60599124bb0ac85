#include "protocol/context_probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "load/latency.h"
#include "protocol/failure.h"

namespace moestress::protocol {
namespace {

using record::Endpoint;
using record::Outcome;
using record::Verdict;

constexpr std::int64_t kShortPromptTokens = 16;
constexpr int kShortReplyTokens = 4;
constexpr int kAttempts = 3;

double ttft_ms(const Outcome& outcome) {
  return 1000 * base::to_seconds((outcome.first_text.count() >= 0 ? outcome.first_text : outcome.done) -
                                 outcome.planned);
}

}  // namespace

int context_to_fill(const plan::Plan& plan, const ModelFacts& facts) {
  const int wanted =
      plan.tests.context_fill_tokens > 0 ? plan.tests.context_fill_tokens : plan.target.context_tokens;
  const int trained = static_cast<int>(facts.topology.context_tokens);
  return trained > 0 ? std::min(wanted, trained) : wanted;
}

void judge_error(const base::Error& error, ResultBuilder& result) {
  if (error.code == base::ErrorCode::Cancelled) return;
  const bool ours = error.code == base::ErrorCode::Usage || error.code == base::ErrorCode::Unsupported;
  result.judge(ours ? Verdict::Inconclusive : Verdict::Fail, error.message);
}

std::optional<FillSpeed> fill_speed(const Outcome& outcome, std::int64_t prompt_tokens) {
  if (outcome.first_text.count() < 0) return std::nullopt;
  FillSpeed speed;
  speed.tokens = static_cast<double>(prompt_tokens);
  speed.ttft_ms = ttft_ms(outcome);
  if (!(speed.ttft_ms > 0)) return std::nullopt;
  speed.prefill_tok_s = 1000 * static_cast<double>(prompt_tokens) / speed.ttft_ms;
  speed.decode_tok_s = load::decode_tok_s(outcome);
  return speed;
}

std::string speed_clause(const std::optional<FillSpeed>& first, const std::optional<FillSpeed>& last) {
  if (!first || !last) return "no text came to time";
  std::string text = fmt::format(
      "TTFT {:.0f} ms at {:.0f} tokens and {:.0f} ms at {:.0f}, prefill {:.1f} and {:.1f} tok/s",
      first->ttft_ms, first->tokens, last->ttft_ms, last->tokens, first->prefill_tok_s, last->prefill_tok_s);
  if (first->decode_tok_s && last->decode_tok_s)
    text += fmt::format(", decode {:.1f} and {:.1f} tok/s", *first->decode_tok_s, *last->decode_tok_s);
  return text;
}

base::Result<ContextProbe> ContextProbe::start(Rig& rig, std::string test_id) {
  ContextProbe probe(rig, std::move(test_id));
  if (rig.embedded()) MOESTRESS_TRY_STATUS(rig.ensure_target(context_to_fill(rig.plan(), rig.facts())));
  MOESTRESS_TRY_STATUS(probe.find_limit());
  MOESTRESS_TRY_STATUS(probe.warm_up());
  return probe;
}

base::Status ContextProbe::find_limit() {
  limit_.tokens = rig_->plan().target.context_tokens;
  if (rig_->embedded()) {
    MOESTRESS_TRY(const auto properties, rig_->server_properties());
    limit_.tokens = properties.context_tokens;
    limit_.told = true;
    return {};
  }
  const target::Dialect dialect = rig_->target().dialect();
  const bool tells = dialect == target::Dialect::LlamaServer || dialect == target::Dialect::Vllm;
  if (!tells) return {};
  const auto body = rig_->target().get(dialect == target::Dialect::Vllm ? "/v1/models" : "/props");
  if (const auto told = body ? context_tokens_told(*body) : std::nullopt) {
    limit_.tokens = *told;
    limit_.told = true;
  }
  return {};
}

base::Status ContextProbe::warm_up() {
  // A bare text first: it needs no template, and a model that only continues texts understands it as well.
  std::string failures;
  for (const Endpoint endpoint : std::array{Endpoint::Completion, Endpoint::Chat, Endpoint::ShimmyGenerate}) {
    if (!rig_->target().supports(endpoint)) continue;
    endpoint_ = endpoint;
    MOESTRESS_TRY(std::string prompt, filler(kShortPromptTokens, "short"));
    const std::int64_t counted = own_count(prompt);
    MOESTRESS_TRY(const Outcome outcome, ask(request(std::move(prompt), kShortReplyTokens, "short")));
    const auto failure = failure_of(outcome);
    if (!failure) {
      if (!rig_->embedded()) learn_count(limit_, counted, outcome.claims.prompt_tokens);
      return {};
    }
    failures += fmt::format("{}{}: {}", failures.empty() ? "" : "; ", record::to_string(endpoint),
                            base::printable(*failure, 200));
    if (outcome.ending != record::Ending::Http4xx)
      break;  // only a missing endpoint is a reason to try another
  }
  return base::fail(base::ErrorCode::Unreachable, "a short request fails ({})", failures);
}

std::int64_t ContextProbe::own_count(std::string_view prompt) const {
  record::Request request;
  request.endpoint = endpoint_ == Endpoint::Chat ? Endpoint::Chat : Endpoint::Completion;
  if (request.endpoint == Endpoint::Chat)
    request.messages.push_back({"user", std::string(prompt)});
  else
    request.prompt = prompt;
  const std::int64_t tokens = rig_->facts().count_prompt_tokens(request);
  return tokens >= 0 ? tokens : rig_->facts().count_tokens(prompt);
}

std::int64_t ContextProbe::count(std::string_view prompt) const { return own_count(prompt) + limit_.offset; }

base::Result<std::string> ContextProbe::filler(std::int64_t tokens, std::string_view seed_purpose) const {
  return haystack(std::max(tokens, count("")), seed_purpose, {}, "");
}

base::Result<std::string> ContextProbe::haystack(std::int64_t tokens, std::string_view seed_purpose,
                                                 std::vector<workload::Needle> needles,
                                                 std::string question) const {
  workload::HaystackPlan plan;
  plan.tokens = tokens;
  plan.seed = rig_->seed(fmt::format("{}/{}", test_id_, seed_purpose));
  plan.needles = std::move(needles);
  plan.tail = std::move(question);
  return workload::haystack(plan, [this](std::string_view text) { return count(text); });
}

record::Request ContextProbe::request(std::string prompt, int reply_tokens, const std::string& label) const {
  workload::RequestShape shape = rig_->request_shape(reply_tokens);
  shape.endpoint = endpoint_;
  auto request = workload::make_request({label, workload::Domain::Documentation, std::move(prompt)},
                                        rig_->request_ids().next(), rig_->next_session(), shape);
  request.label = label;
  return request;
}

base::Result<Outcome> ContextProbe::ask(record::Request request, bool* lagged) {
  if (!rig_->has_target())
    return base::fail(base::ErrorCode::TargetDied, "the server is gone and can't be asked");
  auto load = rig_->closed_loop(test_id_, {{std::move(request)}});
  if (load.outcomes.empty() || rig_->cancelled())
    return base::fail(base::ErrorCode::Cancelled, "interrupted");
  lag_reason_ = load.lag_reason;
  if (lagged) *lagged = !load.lag_valid;
  return std::move(load.outcomes.front());
}

base::Result<Outcome> ContextProbe::ask_timed(
    const std::function<base::Result<record::Request>(int attempt)>& make, ResultBuilder& result) {
  for (int attempt = 0;; ++attempt) {
    MOESTRESS_TRY(auto request, make(attempt));
    bool lagged = false;
    MOESTRESS_TRY(Outcome outcome, ask(std::move(request), &lagged));
    if (!lagged || !outcome.ok()) return outcome;
    if (attempt + 1 < kAttempts) continue;
    result.judge(Verdict::Invalid, lag_reason_);
    return outcome;
  }
}

base::Result<std::vector<double>> ContextProbe::short_requests(std::size_t count) {
  std::vector<double> times;
  for (std::size_t i = 0; i < count; ++i) {
    MOESTRESS_TRY(std::string prompt, filler(kShortPromptTokens, "short"));
    MOESTRESS_TRY(const Outcome outcome, ask(request(std::move(prompt), kShortReplyTokens, "short")));
    if (const auto failure = failure_of(outcome))
      return base::fail(base::ErrorCode::Unreachable, "a short request {}", base::printable(*failure, 200));
    times.push_back(ttft_ms(outcome));
  }
  return times;
}

bool ContextProbe::check_overflow(ResultBuilder& result) {
  const std::int64_t tokens = limit_.tokens + limit_.margin;
  auto prompt = filler(tokens, "overflow");
  if (!prompt) {
    judge_error(prompt.error(), result);
    return false;
  }
  const auto outcome = ask(request(std::move(*prompt), 1, "overflow"));
  if (!outcome) {
    judge_error(outcome.error(), result);
    return false;
  }
  const auto judgement = judge_overflow(*outcome, limit_, tokens);
  const std::string text =
      fmt::format("a prompt of {} tokens with one of reply, {} past {} of {}, {}", tokens,
                  limit_.margin == 0 ? "one token" : fmt::format("{} tokens", limit_.margin + 1),
                  limit_.source(), limit_.tokens, judgement.text);
  if (outcome->http_status > 0) result.metric("overflow_http_status", outcome->http_status, "", 1);
  if (judgement.verdict != Verdict::Pass) result.judge(judgement.verdict, text);
  result.finding(judgement.verdict == Verdict::Fail ? "error"
                 : judgement.vague                  ? "warning"
                                                    : "info",
                 judgement.vague ? text + " (in words that don't name the context)" : text);
  const auto after = short_requests(1);
  if (!after) {
    if (after.error().code != base::ErrorCode::Cancelled)
      result.judge(Verdict::Fail,
                   "after a prompt past the limit the server does not recover: " + after.error().message);
    return false;
  }
  result.metric("ttft_ms_after_overflow", after->front(), "ms", 1);
  return judgement.verdict == Verdict::Pass;
}

std::optional<double> ContextProbe::private_bytes_peak(base::Duration began) {
  const auto fresh = rig_->fresh_memory();
  if (!fresh) return std::nullopt;
  auto peak = fresh->private_bytes();
  for (const auto& sample : rig_->memory_since(began)) peak = std::max(peak, sample.private_bytes());
  return static_cast<double>(peak);
}

}  // namespace moestress::protocol
