#include "sample_models.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "base/random.h"

namespace moestress::sample {
namespace {

using record::ModelResult;
using record::Table;
using record::TestResult;
using record::Verdict;

TestResult test(const char* id, const char* name, Verdict verdict, std::string reason, double seconds) {
  TestResult result;
  result.id = id;
  result.name = name;
  result.verdict = verdict;
  result.reason = std::move(reason);
  result.seconds = seconds;
  return result;
}

record::Metric metric(double value, const char* unit, std::int64_t n, double margin = 0) {
  record::Metric m{value, unit, n, std::nullopt};
  if (margin > 0) m.ci = {value - margin, value + margin};
  return m;
}

TestResult long_form(double tok_s, base::Random& random) {
  auto t = test("2.1", "long-form", Verdict::Pass,
                "42,310 tokens in 9 replies over 31 min 04 s, none broken off", 1864);
  Table speed{"Decode speed in sliding 60 s windows", {"seconds", "tok/s"}, {}, {}, "line"};
  for (int i = 0; i < 360; ++i) speed.rows.push_back({60.0 + i * 5, tok_s + random.normal() * 0.25});
  speed.rows[90][1] = tok_s * 0.83;  // one stall
  t.tables.push_back(std::move(speed));
  t.metrics["decode_tok_s_min"] = metric(tok_s * 0.83, "tok/s", 360);
  t.metrics["decode_tok_s_mean"] = metric(tok_s, "tok/s", 9, 0.12);
  t.metrics["decode_tok_s_trend_percent"] = metric(-0.6, "%", 360, 0.9);
  t.metrics["private_bytes_per_hour"] = metric(3.1e6, "bytes/h", 1806, 2.2e6);
  t.metrics["generating_seconds"] = metric(1864, "s", 9);
  t.findings.push_back({"info", "reply 4 ended 120 tokens early with finish reason \"stop\""});
  return t;
}

TestResult concurrency(double tok_s, bool cross_talk) {
  auto t = test(
      "2.2", "concurrency", cross_talk ? Verdict::Fail : Verdict::Pass,
      cross_talk
          ? "at 4 sessions, session 2's text parts from its text alone at token 31 by a margin of 2.4 nats"
          : "75 replies at 1 to 5 sessions: none failed, none differs from its text alone but at 2 near-ties",
      402);
  Table table{"Speed by parallel sessions",
              {"sessions", "aggregate tok/s", "slowest session tok/s", "Jain fairness", "TTFT p50 ms",
               "ITL p50 ms", "ITL p99 ms", "private bytes peak", "failed"},
              {},
              {},
              "table"};
  for (int n = 1; n <= 5; ++n) {
    const double together = tok_s * std::pow(n, 0.55);
    table.rows.push_back({double(n), together, together / n * 0.94, 1 - 0.004 * n, 410.0 * n,
                          1000 / (together / n), n < 3 ? NAN : 2900 / (together / n), 2.1e9 + 2.4e8 * n, 0});
    t.metrics[fmt::format("aggregate_tok_s_s{}", n)] = metric(together, "tok/s", 15);
  }
  t.tables.push_back(std::move(table));
  if (cross_talk)
    t.findings.push_back(
        {"error",
         "4 sessions: session 2 said \"the lighthouse keeper\" where alone it says \"the harbour\""});
  return t;
}

TestResult context_fill(double tok_s) {
  auto t = test("2.3", "context", Verdict::Pass,
                "needles recalled at 40 of 40 places; one token past the limit is a clean HTTP 400", 655);
  Table speed{"Speed against context length",
              {"prompt tokens", "prefill tok/s", "decode tok/s", "TTFT ms"},
              {},
              {},
              "line"};
  Table recall{"Needles recalled (1) or not (0) by context and depth",
               {"10 %", "30 %", "50 %", "70 %", "90 %"},
               {},
               {},
               "heatmap"};
  for (int eighth = 1; eighth <= 8; ++eighth) {
    const double tokens = 512.0 * eighth;
    speed.rows.push_back(
        {tokens, 96 - 3.1 * eighth, tok_s * (1 - 0.018 * eighth), tokens / (96 - 3.1 * eighth) * 1000});
    recall.row_labels.push_back(fmt::format("{} tokens", tokens));
    recall.rows.push_back({1, 1, eighth > 6 ? 0.0 : 1.0, 1, 1});
  }
  t.tables = {std::move(speed), std::move(recall)};
  t.metrics["kv_bytes_per_token"] = metric(98304, "bytes", 8, 410);
  return t;
}

std::vector<double> shares(const record::RoutingTrace& trace, std::size_t layer) {
  std::vector<double> share(static_cast<std::size_t>(trace.experts));
  for (std::size_t token = 0; token < trace.tokens; ++token)
    for (const auto expert : trace.chosen(token, layer)) share[expert] += 1;
  const double total = std::accumulate(share.begin(), share.end(), 0.0);
  for (double& s : share) s /= total;
  return share;
}

TestResult expert_routing(const ModelResult& model) {
  auto t =
      test("3.1", "routing", Verdict::Pass,
           "code / creative writing differ in every layer (p = 0.002); the control does not (p = 0.41)", 88);
  for (const char* set : {"code", "creative writing"}) {
    const auto trace = routing(model, set);
    Table map{fmt::format("Share of choices by layer and expert: {}", set), {}, {}, {}, "heatmap"};
    for (int e = 0; e < model.experts; ++e) map.columns.push_back(std::to_string(e));
    for (std::size_t layer = 0; layer < trace.layers.size(); ++layer) {
      map.row_labels.push_back(fmt::format("layer {}", trace.layers[layer]));
      map.rows.push_back(shares(trace, layer));
    }
    t.tables.push_back(std::move(map));
  }
  Table pairs{"Divergence of the two sets of a pair, by layer (bits)",
              {"layer", "code / creative writing"},
              {},
              {},
              "line"};
  for (int layer = 0; layer < model.layers; ++layer)
    pairs.rows.push_back({double(layer), 0.12 + 0.05 * std::sin(layer)});
  t.tables.push_back(std::move(pairs));
  t.metrics["expert_coverage"] = metric(1, "", 4180, 0);
  t.metrics["expert_effective_share"] = metric(0.71, "", 4180, 0.02);
  return t;
}

TestResult profile(const ModelResult& model) {
  auto t = test("5.2", "profile", Verdict::Pass,
                "bottleneck: reading experts from host memory, 63 % of the measured bandwidth", 214);
  t.tables.push_back(
      {"Where a token's time goes",
       {"ms"},
       {{41.2}, {9.8}, {3.1}, {-0.4}},
       {"experts on the host", "attention on the device", "host-device transfers", "unexplained"},
       "bars"});
  t.metrics["memory_bandwidth_gb_s"] = metric(41.8, "GB/s", 12, 0.6);
  t.metrics["roofline_share"] = metric(0.63, "", 12, 0.03);
  t.metrics["itl_ms_p50"] = metric(54.1, "ms", 4100);
  t.metrics["itl_ms_p99"] = metric(88.0, "ms", 4100);
  t.findings.push_back(
      {"warning", fmt::format("{}: token time rises by 0.9 ms for each expert that changed", model.id)});
  return t;
}

record::CriterionResult criterion(const char* id, const char* name, const char* threshold,
                                  std::optional<double> measured, const char* unit, const char* evidence,
                                  Verdict verdict, const char* reason) {
  return {id, name, threshold, measured, unit, evidence, verdict, reason};
}

ModelResult model(const char* id, const char* architecture, int layers, int experts, int used, int shared) {
  ModelResult m;
  m.id = id;
  m.path = fmt::format("models/{}.gguf", id);
  m.architecture = architecture;
  m.layers = layers;
  m.experts = experts;
  m.experts_used = used;
  m.experts_shared = shared;
  m.placement = "cpu";
  return m;
}

void add_tests(ModelResult& m, double tok_s, bool cross_talk, base::Random& random) {
  m.tests = {test("1.1", "load", Verdict::Pass, "ready in 6.2 s with the placement that was asked for", 7),
             test("1.2", "generation", Verdict::Pass,
                  "45 replies, each complete, valid UTF-8, with the tokens that the server claims", 61),
             long_form(tok_s, random),
             concurrency(tok_s, cross_talk),
             context_fill(tok_s),
             expert_routing(m),
             profile(m),
             test("6.2", "reasoning", Verdict::Inconclusive,
                  "38 of 40 tasks unflipped; over 95 % takes 73 samples without a failure", 190)};
  m.tests.back().metrics["task_flips"] = metric(2, "", 40);
}

}  // namespace

std::vector<ModelResult> models() {
  using enum Verdict;
  base::Random random(7);
  auto m1 = model("gpt-oss-20b", "gpt-oss", 24, 32, 4, 0);
  add_tests(m1, 18.4, false, random);
  m1.criteria = {criterion("C1", "sustained speed", "> 10 tok/s", 15.3, "tok/s",
                           "slowest of 360 windows of 60 s", Pass, "slowest 60 s window 15.27 tok/s"),
                 criterion("C2", "GPU memory", "< 5 GB", 3.12e9, "bytes",
                           "process 3.12 GB, device minus idle 3.09 GB, engine 2.98 GB; 7,204 samples", Pass,
                           "the largest figure is 3.12 GB"),
                 criterion("C3", "continuous operation", "8 h, < 1 %/h and < 50 MB/h", 0.52, "h",
                           "slope 3.1 MB/h [0.9, 5.3], n 1,806", Inconclusive,
                           "31 min of 8 h; use the full suite or a larger --scale"),
                 criterion("C4", "consistency with GPU-only", "> 95 %", 98.1, "%",
                           "top-1 agreement 98.9 %, lower limit 98.1 %, 120 prompts", Pass,
                           "both lower limits are over 95 %"),
                 criterion("C5", "parallel sessions", "3 sessions without degradation", 33.7, "tok/s",
                           "33.7 tok/s together, 18.4 alone", Pass,
                           "no error, no cross-talk, every session over 10 tok/s"),
                 criterion("C6", "memory growth", "linear, slope ±10 %", 1.4, "%",
                           "98.3 kB a token measured, 96.9 kB predicted, n 8", Pass,
                           "the quadratic term's interval holds 0"),
                 criterion("C7", "experts used", "> 70 %", 100, "%",
                           "by chance 100 % after 34 tokens; effective experts 71 %", Pass,
                           "every layer uses every expert")};
  m1.recommendations = {{"--experts", "first:12",
                         "12 of 24 layers' experts (6.1 GB) fit on the device; the host then reads 50 % less "
                         "expert weight a token",
                         "peak device memory 3.12 GB (C2, test 1.3)"},
                        {"--slots", "4", "39.4 tok/s together instead of 18.4 from one session",
                         "the highest aggregate speed of test 2.2"}};

  auto m2 = model("phi-3.5-moe", "phimoe", 32, 16, 2, 0);
  add_tests(m2, 6.8, true, random);
  m2.criteria = m1.criteria;
  m2.criteria[0] = criterion("C1", "sustained speed", "> 10 tok/s", 5.6, "tok/s",
                             "slowest of 360 windows of 60 s", Fail, "slowest 60 s window 5.64 tok/s");
  m2.criteria[1] = criterion("C2", "GPU memory", "< 5 GB", 5.31e9, "bytes",
                             "process 5.31 GB, device minus idle 5.22 GB, engine 4.97 GB; 7,204 samples",
                             Fail, "the process figure peaks at 5.31 GB during test 2.3");
  m2.criteria[4] = criterion("C5", "parallel sessions", "3 sessions without degradation", 12.4, "tok/s",
                             "12.4 tok/s together, 6.8 alone", Fail,
                             "cross-talk at 4 sessions, and every session is under 10 tok/s");
  m2.checks = {{"2.2/ttft_ms p(95) < 500", "2.2", 612.5, "ms", 90, Fail, "measured 612.5 ms (n 90)"},
               {"requests_failed rate < 0.01", "", 0.0, "", 412, Pass, "measured 0 (n 412)"},
               {"itl_ms p(99) < 200", "", std::nullopt, "ms", 0, Inconclusive, "no request gave a itl_ms"}};
  m2.recommendations = {
      {"-m", "phi-3.5-moe at 4.5 bits a weight",
       "2.8 GB instead of 10.1 GB of experts read for each token: up to 3.6 times the speed",
       "63 % of the measured bandwidth is reached (test 5.2)"}};

  auto m3 = model("deepseek-moe-16b", "deepseek", 27, 64, 6, 2);
  add_tests(m3, 14.1, false, random);
  m3.criteria = m1.criteria;
  m3.criteria[3] = criterion("C4", "consistency with GPU-only", "> 95 %", std::nullopt, "%", "", Skipped,
                             "there is no GPU to hold the offloaded placement against");
  m3.criteria[6] = criterion("C7", "experts used", "> 70 %", 96.9, "%",
                             "by chance 100 % after 44 tokens; effective experts 52 %", Pass,
                             "the least used layer uses 62 of 64 experts");
  m3.tests.back().verdict = Invalid;
  m3.tests.back().reason = "the client lagged by 1.8 % of the median latency that it reports";
  return {m1, m2, m3};
}

ModelResult hostile_model() {
  ModelResult m = model("</script><script>document.title='owned'</script>", "<!--<script>", 2, 4, 1, 0);
  m.path = "\xE2\x80\xAEgnp.exe/\x1b]0;owned\x07model.gguf";
  auto t = test("2.2", "\x1b[31mred\x1b[0m <img src=x onerror=document.title='owned'>", Verdict::Fail,
                "server said: ]]> --> </textarea> \xE2\x80\xAE reversed \xFF\xFE invalid", 1);
  t.reason += '\0';
  t.reason += "after NUL";
  t.metrics["itl_ms_p50"] = metric(NAN, "ms", 0);
  t.metrics["itl_ms_p99"] = {INFINITY, "ms", 3, std::pair(-INFINITY, INFINITY)};
  t.findings = {{"error", std::string(3000, 'A') + " javascript:alert(1) &lt;b&gt; ${7*7} {{7*7}}"},
                {"info", "\xED\xA0\x80 surrogate"}};
  t.tables = {{"<b>title</b>",
               {"<i>x</i>", "</table>"},
               {{1, NAN}, {INFINITY, 2}},
               {"</tr>", "\xE2\x80\xAEr"},
               "table"},
              {"empty", {}, {}, {}, "line"},
              {"ragged", {"x", "y"}, {{1}, {}, {2, 3, 4}}, {}, "line"},
              {"no kind that is known", {"x"}, {{1}}, {}, "pie"}};
  m.tests.push_back(t);
  m.criteria = {criterion("C1", "<script>alert(1)</script>", "> 10 | tok/s", NAN, "tok/s", "`code` **bold**",
                          Verdict::Invalid, "line one\nline two\r\x1b[2J")};
  m.checks = {{"<img src=x onerror=document.title='owned'> \x1b[2J | x", "\xFF", NAN, "</td>", 0,
               Verdict::Fail, "]]>"}};
  m.recommendations = {{"--\"><svg onload=1>", "'; DROP TABLE runs; --", "&amp;", "\xF0\x9F\x92\xA3"}};
  return m;
}

record::RoutingTrace routing(const ModelResult& model, const char* set) {
  record::RoutingTrace trace;
  const auto experts = static_cast<std::size_t>(model.experts);
  trace.experts = model.experts;
  trace.k = model.experts_used;
  trace.tokens = 600;
  for (int layer = 0; layer < model.layers; ++layer) trace.layers.push_back(layer);
  base::Random random(base::derive_seed(11, model.id + set));
  std::vector<std::vector<double>> preference(trace.layers.size(), std::vector<double>(experts));
  base::Random of_model(base::derive_seed(11, model.id));  // what the sets have in common
  for (auto& layer : preference)
    for (double& p : layer) p = of_model.normal() * 0.8 + random.normal() * 0.5;
  preference[1][2] = -100;  // an expert that is never chosen
  std::vector<std::pair<double, std::uint16_t>> scores(experts);
  for (std::size_t token = 0; token < trace.tokens; ++token)
    for (const auto& layer : preference) {
      for (std::size_t e = 0; e < experts; ++e)
        scores[e] = {layer[e] + random.normal(), static_cast<std::uint16_t>(e)};
      std::partial_sort(scores.begin(), scores.begin() + trace.k, scores.end(), std::greater<>());
      for (int k = 0; k < trace.k; ++k) {
        trace.ids.push_back(scores[static_cast<std::size_t>(k)].second);
        trace.weights.push_back(1.0F / static_cast<float>(trace.k));
      }
    }
  return trace;
}

}  // namespace moestress::sample
