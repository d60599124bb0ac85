#include "app/dry_run.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "base/log.h"
#include "base/text.h"
#include "probe/bandwidth.h"
#include "protocol/forecast.h"
#include "protocol/subject.h"
#include "record/metric_catalogue.h"

namespace moestress::app {
namespace {

using Json = nlohmann::ordered_json;
using protocol::Forecast;
using protocol::Speeds;
using protocol::Work;

/// What one model has before it.
struct Prospect {
  std::string id;
  std::string placement;
  std::vector<Forecast> tests;
  std::optional<Speeds> speeds;  ///< absent: nothing is known of the target's

  std::optional<double> seconds(const Work& work) const {
    if (!work.skipped.empty()) return 0;
    if (speeds) return protocol::seconds_of(work, *speeds);
    return std::nullopt;
  }
  std::optional<double> seconds() const {
    double sum = 0;
    for (const Forecast& one : tests) {
      const auto took = seconds(one.work);
      if (!took) return std::nullopt;
      sum += *took;
    }
    return sum;
  }
};

double fixed_seconds(const Work& work) { return work.seconds + work.paced_seconds; }
std::int64_t requests(const Work& work) { return work.requests + work.paced_requests; }
std::int64_t prompt_tokens(const Work& work) { return work.prompt_tokens + work.paced_prompt_tokens; }
std::int64_t reply_tokens(const Work& work) { return work.reply_tokens + work.paced_reply_tokens; }

Json or_null(std::optional<double> value) { return value ? Json(*value) : Json(nullptr); }

Json model_json(const Prospect& prospect) {
  Json tests = Json::array();
  for (const auto& [test, work] : prospect.tests)
    tests.push_back({{"id", test->id},
                     {"name", test->name},
                     {"skipped", work.skipped.empty() ? Json(nullptr) : Json(work.skipped)},
                     {"requests", requests(work)},
                     {"prompt_tokens", prompt_tokens(work)},
                     {"reply_tokens", reply_tokens(work)},
                     {"scored_tokens", work.scored_tokens},
                     {"starts", work.starts},
                     {"fixed_seconds", fixed_seconds(work)},
                     {"estimate_seconds", or_null(prospect.seconds(work))}});
  return {{"id", base::replace_invalid_utf8(prospect.id)},
          {"placement", base::replace_invalid_utf8(prospect.placement)},
          {"estimate_seconds", or_null(prospect.seconds())},
          {"tests", std::move(tests)}};
}

void print_json(const plan::Plan& plan, const std::vector<Prospect>& prospects, std::optional<double> total) {
  Json models = Json::array();
  for (const Prospect& prospect : prospects) models.push_back(model_json(prospect));
  Json checks = Json::array();
  for (const plan::Check& check : plan.checks)
    checks.push_back(
        {{"expect", base::replace_invalid_utf8(check.expect)}, {"abort_on_fail", check.abort_on_fail}});
  const Json whole = {{"suite", base::replace_invalid_utf8(plan.suite)},
                      {"scale", plan.scale},
                      {"seed", plan.seed},
                      {"estimate_seconds", or_null(total)},
                      {"models", std::move(models)},
                      {"checks", std::move(checks)}};
  fmt::print("{}\n", whole.dump(2));
}

std::string about(std::optional<double> seconds) {
  return seconds ? base::human_seconds(*seconds) : "unknown";
}

void print_model(const Prospect& prospect) {
  fmt::print("\n{}  experts: {}\n", base::printable(prospect.id, 80),
             base::printable(prospect.placement, 60));
  fmt::print("  {:<22}{:>9}{:>12}{:>11}{:>11}{:>8}{:>12}{:>14}\n", "test", "requests", "prompt tok",
             "reply tok", "scored tok", "starts", "fixed", "about");
  for (const auto& [test, work] : prospect.tests) {
    const std::string name = fmt::format("{} {}", test->id, test->name);
    if (!work.skipped.empty()) {
      fmt::print("  {:<22}SKIPPED: {}\n", name, work.skipped);
      continue;
    }
    fmt::print("  {:<22}{:>9}{:>12}{:>11}{:>11}{:>8}{:>12}{:>14}\n", name, requests(work),
               prompt_tokens(work), reply_tokens(work), work.scored_tokens, work.starts,
               base::human_seconds(fixed_seconds(work)), about(prospect.seconds(work)));
  }
  fmt::print("  {:<85}{:>14}\n", "in all", about(prospect.seconds()));
}

void print_text(const plan::Plan& plan, const std::vector<Prospect>& prospects, std::optional<double> total,
                double bandwidth) {
  fmt::print("dry run of {} · scale {:g} · seed {}: nothing is started\n", base::printable(plan.suite, 60),
             plan.scale, plan.seed);
  for (const Prospect& prospect : prospects) print_model(prospect);
  if (!plan.checks.empty()) fmt::print("\nchecks\n");
  for (const plan::Check& check : plan.checks)
    fmt::print("  {}{}\n", base::printable(check.expect, 200),
               check.abort_on_fail ? "  (ends the run where it fails)" : "");
  if (!total) {
    fmt::print(
        "\nHow fast the server is, and so how long this takes, is not known before it is asked: a run of "
        "more than a "
        "few\nminutes measures it first. \"fixed\" passes whatever its speed.\n");
    return;
  }
  fmt::print(
      "\nabout {} in all, if decoding one reply makes {:.3g} tok/s, which a memory bandwidth of {}/s "
      "suggests;\n"
      "a run of more than a few minutes measures the server's speed first and estimates anew\n",
      base::human_seconds(*total), prospects.front().speeds->decode_tok_s, base::human_bytes(bandwidth));
}

}  // namespace

base::Status print_dry_run(const PreparedPlan& prepared, bool json) {
  const plan::Plan& plan = prepared.plan;
  const base::Logger logger(base::LogLevel::Warning);
  MOESTRESS_TRY(const auto subjects, protocol::subjects_of(plan, logger));
  const bool embedded = plan.target.spawn.empty() && plan.target.url.empty();
  double bandwidth = 0;
  if (embedded) {
    const auto measured = probe::measure_bandwidth();
    if (measured) bandwidth = measured->read.median_bytes_per_s;
  }
  std::vector<Prospect> prospects;
  std::optional<double> total = 0;
  for (const auto& subject : subjects) {
    const protocol::WorkInput input{subject.plan, subject.facts, prepared.prompts};
    Prospect prospect{subject.facts.id, subject.plan.target.experts,
                      protocol::forecast(input, prepared.device.software && plan.target.stand_in != "all"),
                      std::nullopt};
    if (bandwidth > 0) prospect.speeds = protocol::predicted_speeds(input, subject.placement, bandwidth);
    const auto seconds = prospect.seconds();
    total = total && seconds ? std::optional(*total + *seconds) : std::nullopt;
    prospects.push_back(std::move(prospect));
  }
  if (json)
    print_json(plan, prospects, total);
  else
    print_text(plan, prospects, total, bandwidth);
  return {};
}

void print_metrics(bool json) {
  Json list = Json::array();
  for (const auto& quantity : record::quantities())
    list.push_back({{"name", quantity.name},
                    {"test", nullptr},
                    {"unit", quantity.unit},
                    {"meaning", quantity.meaning},
                    {"statistics", quantity.share ? "rate" : "p(N) avg min max med"}});
  for (const auto& entry : record::metric_catalogue())
    list.push_back({{"name", entry.name},
                    {"test", entry.test.empty() ? Json(nullptr) : Json(entry.test)},
                    {"unit", entry.unit},
                    {"meaning", entry.meaning},
                    {"statistics", nullptr}});
  if (json) {
    fmt::print("{}\n", list.dump(2));
    return;
  }
  fmt::print("Of every request; a check names a statistic of it, e.g. \"ttft_ms p(95) < 500\":\n");
  bool figures = false;
  for (const Json& one : list) {
    if (one["statistics"].is_null() && !figures) {
      figures = true;
      fmt::print("\nOf a test; a check takes it as it is, e.g. \"2.1/decode_tok_s_min >= 10\":\n");
    }
    const std::string test = one["test"].is_null() ? "any" : one["test"].get<std::string>();
    fmt::print("  {:<4}{:<40}{:<12}{}\n", test, one["name"].get<std::string>(),
               one["unit"].get<std::string>(), one["meaning"].get<std::string>());
  }
}

}  // namespace moestress::app
