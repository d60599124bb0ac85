// 2.3 context: a slot's context filled step by step: prefill and decode speed, KV bytes per token, recall of
// planted needles over length and depth, the limit, one token past it, and recovery from that.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "protocol/context_probe.h"
#include "protocol/failure.h"
#include "protocol/recall.h"
#include "protocol/result_builder.h"
#include "protocol/tests.h"
#include "stats/fit.h"

namespace moestress::protocol {
namespace {

using record::Outcome;
using record::Verdict;
using workload::Needle;

/// Off by more than this from the KV layout, the measured bytes per token are explained.
constexpr double kKvErrorToExplain = 0.10;
constexpr int kLineFillsMin = 3;

/// One length of context as it was filled.
struct Fill {
  double tokens = 0;  ///< of the prompt
  std::optional<FillSpeed> speed;
  std::optional<double> private_bytes;
  std::vector<RecallTrial> recall;  ///< by depth; empty where no needles were planted
};

class ContextFills {
 public:
  ContextFills(Rig& rig, ContextProbe& probe, ResultBuilder& result)
      : rig_(rig), probe_(probe), result_(result) {}

  void run() {
    for (const double fraction : rig_.sizes().context_fractions) {
      if (!probe_.alive()) return;
      if (const auto status = fill(fraction); !status) judge_error(status.error(), result_);
    }
  }

  const std::vector<Fill>& fills() const { return fills_; }
  bool reached_limit() const { return reached_limit_; }

 private:
  /// A text with the needles in it, and the question that is asked first: the longest, so that the others
  /// fit as well.
  struct Document {
    std::vector<Needle> needles;
    std::size_t first = 0;
    std::string text;

    std::string question(std::size_t i) const {
      return needles.empty() ? std::string() : workload::needle_question(needles[i]);
    }
  };

  base::Status fill(double fraction) {
    const int reply = rig_.sizes().context_reply_tokens;
    const int room = probe_.limit().tokens - probe_.limit().margin;
    const auto total = std::min<std::int64_t>(std::llround(fraction * probe_.limit().tokens), room);
    const std::int64_t tokens = total - reply;
    if (tokens < probe_.count("") + 1) {
      result_.finding("info",
                      fmt::format("{:.0f} % of the context are {} tokens: too few for a prompt with a "
                                  "reply of {}; left out",
                                  100 * fraction, total, reply));
      return {};
    }
    const std::string label = fmt::format("context {}", total);
    Document document;
    const base::Duration began = rig_.now();
    const auto make = [&](int attempt) -> base::Result<record::Request> {
      MOESTRESS_TRY(document, make_document(tokens, fmt::format("{:.3f}/{}", fraction, attempt)));
      return probe_.request(document.text + document.question(document.first), reply, label);
    };
    MOESTRESS_TRY(const Outcome outcome, probe_.ask_timed(make, result_));
    if (!accept(outcome, tokens, reply)) return {};
    reached_limit_ = reached_limit_ || total == room;
    Fill fill;
    fill.tokens = static_cast<double>(tokens);
    fill.speed = fill_speed(outcome, tokens);
    fill.private_bytes = probe_.private_bytes_peak(began);
    MOESTRESS_TRY_STATUS(ask_needles(document, outcome, tokens, fill));
    fills_.push_back(std::move(fill));
    return {};
  }

  base::Result<Document> make_document(std::int64_t tokens, const std::string& purpose) {
    Document document;
    if (!rig_.facts().random_weights)
      document.needles =
          workload::draw_needles(rig_.sizes().context_needle_depths, rig_.seed("2.3/needles/" + purpose));
    for (std::size_t i = 0; i < document.needles.size(); ++i)
      if (probe_.count(document.question(i)) > probe_.count(document.question(document.first)))
        document.first = i;
    auto text =
        probe_.haystack(tokens, "text/" + purpose, document.needles, document.question(document.first));
    if (!text && text.error().code == base::ErrorCode::Usage && !document.needles.empty()) {
      result_.finding("info", fmt::format("a prompt of {} tokens is filled without needles: {}", tokens,
                                          text.error().message));
      document = {};
      text = probe_.haystack(tokens, "text/" + purpose, {}, "");
    }
    if (!text) return tl::unexpected(text.error());
    document.text = std::move(*text);
    return document;
  }

  /// Whether a request that fits was answered.
  bool accept(const Outcome& outcome, std::int64_t tokens, int reply) {
    const auto failure = failure_of(outcome);
    if (failure)
      result_.judge(
          Verdict::Fail,
          fmt::format("a prompt of {} tokens with {} of reply, which fits {} of {}, {}", tokens, reply,
                      probe_.limit().source(), probe_.limit().tokens, base::printable(*failure, 300)));
    return !failure;
  }

  /// Asks for the other needles, and for each right after its fact. A server that keeps prefixes may use the
  /// text that it has read already.
  base::Status ask_needles(const Document& document, const Outcome& first, std::int64_t tokens, Fill& fill) {
    const int reply = rig_.sizes().context_reply_tokens;
    for (std::size_t i = 0; i < document.needles.size() && probe_.alive(); ++i) {
      RecallTrial trial;
      trial.length = static_cast<double>(tokens);
      trial.depth = document.needles[i].depth;
      if (i == document.first) {
        trial.recalled = workload::recalls(document.needles[i], first.text);
      } else {
        auto request = probe_.request(document.text + document.question(i), reply, "needle");
        request.reuse_prefix = true;
        MOESTRESS_TRY(const Outcome outcome, probe_.ask(std::move(request)));
        if (!accept(outcome, tokens, reply)) return {};
        trial.recalled = workload::recalls(document.needles[i], outcome.text);
      }
      auto request = probe_.request(workload::needle_control(document.needles, i), reply, "needle control");
      MOESTRESS_TRY(const Outcome control, probe_.ask(std::move(request)));
      if (!control.ok()) result_.judge(Verdict::Fail, "a short request " + *failure_of(control));
      trial.control = control.ok() && workload::recalls(document.needles[i], control.text);
      fill.recall.push_back(trial);
    }
    return {};
  }

  Rig& rig_;
  ContextProbe& probe_;
  ResultBuilder& result_;
  std::vector<Fill> fills_;
  bool reached_limit_ = false;
};

void report_speed(const std::vector<Fill>& fills, ResultBuilder& result) {
  record::Table table{"Speed against context length",
                      {"prompt tokens", "prefill tok/s", "decode tok/s", "TTFT ms"},
                      {},
                      {},
                      "line"};
  for (const Fill& fill : fills) {
    if (!fill.speed) continue;
    table.rows.push_back({fill.tokens, fill.speed->prefill_tok_s,
                          fill.speed->decode_tok_s.value_or(std::nan("")), fill.speed->ttft_ms});
  }
  if (table.rows.empty()) return;
  const auto& full = table.rows.back();
  result.metric("prompt_tokens_max", full[0], "tokens", static_cast<std::int64_t>(table.rows.size()));
  result.metric("prefill_tok_s_full", full[1], "tok/s", 1);
  result.metric("decode_tok_s_full", full[2], "tok/s", 1);
  result.metric("ttft_ms_full", full[3], "ms", 1);
  result.metric("prefill_tok_s_first", table.rows.front()[1], "tok/s", 1);
  result.metric("decode_tok_s_first", table.rows.front()[2], "tok/s", 1);
  result.table(std::move(table));
}

/// From the engine's books where they are ours to read; else from private memory, if it grows with the fills.
void report_kv(Rig& rig, const std::vector<Fill>& fills, ResultBuilder& result) {
  const auto predicted = static_cast<double>(rig.facts().topology.kv_bytes_per_token);
  result.metric("kv_bytes_per_token_predicted", predicted, "bytes", 1);
  if (rig.embedded()) {
    const auto properties = rig.server_properties();
    if (!properties) {
      result.finding("warning", "KV bytes are unknown: " + properties.error().message);
      return;
    }
    double bytes = 0;
    for (const auto& device : properties->devices) bytes += static_cast<double>(device.context_bytes);
    const double cells = static_cast<double>(properties->context_tokens) * properties->slots;
    result.metric("kv_bytes_per_token", bytes / cells, "bytes", 1);
    if (predicted > 0 && std::abs(bytes / cells / predicted - 1) > kKvErrorToExplain)
      result.finding("info",
                     fmt::format("the engine has allotted {} for {:.0f} tokens, {:.0f} bytes a token, where "
                                 "the KV layout takes {:.0f}: a cache is allotted in steps, and layers with "
                                 "a window of attention have one of their own; C6 compares the slopes",
                                 base::human_bytes(bytes), cells, bytes / cells, predicted));
    return;
  }
  std::vector<double> tokens, bytes;
  for (const Fill& fill : fills)
    if (fill.private_bytes) {
      tokens.push_back(fill.tokens);
      bytes.push_back(*fill.private_bytes);
    }
  const auto line = stats::linear_fit(tokens, bytes);
  if (line && line->n >= kLineFillsMin && line->slope_interval.lo > 0)
    result.metric("kv_bytes_per_token", line->slope, "bytes", line->n, line->slope_interval);
  else
    result.finding("info", tokens.empty()
                               ? "KV bytes are unknown: the server's memory can't be read from here"
                               : "KV bytes are unknown: private memory does not grow with the fills, so "
                                 "the server allots its cache when it starts, or on a device");
}

/// The clause on recall for the verdict's reason.
std::string report_recall(Rig& rig, const std::vector<Fill>& fills, ResultBuilder& result) {
  if (rig.facts().random_weights) {
    result.finding("info", "the weights are random: recall is not asked for");
    return "recall is not judged, the weights are random";
  }
  record::Table table{"Needles recalled (1) or not (0) by context and depth", {}, {}, {}, "heatmap"};
  std::vector<RecallTrial> trials;
  for (const Fill& fill : fills) {
    if (fill.recall.empty()) continue;
    if (table.columns.empty())
      for (const RecallTrial& trial : fill.recall)
        table.columns.push_back(fmt::format("{:.0f} %", 100 * trial.depth));
    if (fill.recall.size() != table.columns.size()) continue;
    std::vector<double> row;
    for (const RecallTrial& trial : fill.recall)
      row.push_back(trial.control ? (trial.recalled ? 1.0 : 0.0) : std::nan(""));
    table.rows.push_back(std::move(row));
    table.row_labels.push_back(fmt::format("{:.0f} tokens", fill.tokens));
    trials.insert(trials.end(), fill.recall.begin(), fill.recall.end());
  }
  const Recall recall = judge_recall(trials);
  if (!table.rows.empty()) result.table(std::move(table));
  if (recall.asked > 0)
    result.metric("recall_control_share",
                  static_cast<double>(recall.controls) / static_cast<double>(recall.asked), "", recall.asked,
                  stats::wilson(static_cast<double>(recall.controls), static_cast<double>(recall.asked)));
  if (recall.controls > 0)
    result.metric("recall_share", static_cast<double>(recall.recalled) / static_cast<double>(recall.controls),
                  "", recall.controls, recall.share);
  if (recall.verdict == Verdict::Fail) result.judge(Verdict::Fail, recall.text);
  if (recall.worse) result.finding("warning", recall.text + ", fewer than right after the fact");
  if (recall.verdict == Verdict::Inconclusive) result.finding("info", recall.text + ": " + recall.hint);
  return recall.text;
}

void conclude(ContextProbe& probe, const ContextFills& filled, const std::string& recall,
              ResultBuilder& result) {
  const auto& fills = filled.fills();
  if (fills.empty()) {
    result.judge(
        Verdict::Inconclusive,
        fmt::format("no fraction of {} of {} tokens holds a prompt with its reply; raise the context "
                    "or context_fractions",
                    probe.limit().source(), probe.limit().tokens));
    return;
  }
  if (!filled.reached_limit())
    result.judge(Verdict::Inconclusive,
                 "the context was not filled to its limit; add 1.0 to context_fractions");
  result.judge(
      Verdict::Pass,
      fmt::format("filled to {} of {} tokens in {} steps: {}; {}; one past it is refused cleanly and the "
                  "server answers on",
                  probe.limit().source(), probe.limit().tokens, fills.size(),
                  speed_clause(fills.front().speed, fills.back().speed), recall));
}

}  // namespace

record::TestResult test_2_3_context(Rig& rig) {
  ResultBuilder result;
  auto probe = ContextProbe::start(rig, "2.3");
  if (!probe) {
    judge_error(probe.error(), result);
    return result.take();
  }
  result.metric("context_tokens_limit", probe->limit().tokens, "tokens", 1);
  if (probe->limit().margin > 0)
    result.finding("info",
                   fmt::format("the server does not say how it counts tokens: prompts keep {} tokens away "
                               "from the limit on both sides of it",
                               probe->limit().margin));
  ContextFills filled(rig, *probe, result);
  filled.run();
  report_speed(filled.fills(), result);
  const std::string recall = report_recall(rig, filled.fills(), result);
  if (probe->alive()) probe->check_overflow(result);
  if (probe->alive()) report_kv(rig, filled.fills(), result);
  conclude(*probe, filled, recall, result);
  return result.take();
}

Work work_2_3(const WorkInput& input) {
  // Of a control: a fact has some 15 tokens, a question 30.
  constexpr std::int64_t kFactTokens = 15, kQuestionTokens = 30;
  const auto& sizes = input.plan.tests;
  const auto depths =
      static_cast<std::int64_t>(input.facts.random_weights ? 0 : sizes.context_needle_depths.size());
  const auto asked = std::max<std::int64_t>(1, depths);
  const double context = context_to_fill(input.plan, input.facts);
  Work work;
  work.requests = 3;  // to warm up, past the limit, after it
  for (const double fraction : sizes.context_fractions) {
    const auto tokens =
        std::max<std::int64_t>(1, std::llround(fraction * context) - sizes.context_reply_tokens);
    work.requests += asked + depths;
    work.prompt_tokens += asked * tokens + depths * (depths * kFactTokens + kQuestionTokens);
    work.reply_tokens += (asked + depths) * sizes.context_reply_tokens;
  }
  work.starts = sizes.context_fill_tokens > 0 ? 1 : 0;
  return work;
}

}  // namespace moestress::protocol
