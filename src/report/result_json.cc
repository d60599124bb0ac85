#include "report/result_json.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace moestress::report {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kObjectBytesMax = 4'000'000;
constexpr int kObjectDepthMax = 32;

Json interval_json(const record::Metric& metric) {
  if (!metric.ci || !std::isfinite(metric.ci->first) || !std::isfinite(metric.ci->second)) return nullptr;
  return Json::array({metric.ci->first, metric.ci->second});
}

Json test_json(const record::TestResult& test) {
  Json metrics = Json::object();
  for (const auto& [name, metric] : test.metrics)
    metrics[json_text(name)] = {{"value", json_number(metric.value)},
                                {"unit", json_text(metric.unit)},
                                {"n", metric.n},
                                {"ci", interval_json(metric)}};
  Json findings = Json::array();
  for (const record::Finding& finding : test.findings)
    findings.push_back({{"severity", json_text(finding.severity)}, {"text", json_text(finding.text)}});
  return {{"id", json_text(test.id)},
          {"name", json_text(test.name)},
          {"verdict", to_string(test.verdict)},
          {"reason", json_text(test.reason)},
          {"seconds", json_number(test.seconds)},
          {"estimate_seconds", json_number(test.estimate_seconds)},
          {"metrics", std::move(metrics)},
          {"findings", std::move(findings)}};
}

Json criterion_json(const record::CriterionResult& criterion) {
  return {{"id", json_text(criterion.id)},
          {"name", json_text(criterion.name)},
          {"threshold", json_text(criterion.threshold)},
          {"measured", json_number(criterion.measured)},
          {"unit", json_text(criterion.unit)},
          {"evidence", json_text(criterion.evidence)},
          {"verdict", to_string(criterion.verdict)},
          {"reason", json_text(criterion.reason)}};
}

Json check_json(const record::CheckResult& check) {
  return {{"expression", json_text(check.expression)},
          {"test", check.test.empty() ? Json(nullptr) : Json(json_text(check.test))},
          {"measured", json_number(check.measured)},
          {"unit", json_text(check.unit)},
          {"n", check.n},
          {"verdict", to_string(check.verdict)},
          {"reason", json_text(check.reason)}};
}

Json model_json(const record::ModelResult& model) {
  Json tests = Json::array();
  for (const record::TestResult& test : model.tests) tests.push_back(test_json(test));
  Json criteria = Json::array();
  for (const record::CriterionResult& criterion : model.criteria)
    criteria.push_back(criterion_json(criterion));
  Json checks = Json::array();
  for (const record::CheckResult& check : model.checks) checks.push_back(check_json(check));
  return {{"id", json_text(model.id)},
          {"path", json_text(model.path)},
          {"architecture", json_text(model.architecture)},
          {"layers", model.layers},
          {"experts", model.experts},
          {"experts_used", model.experts_used},
          {"experts_shared", model.experts_shared},
          {"placement", json_text(model.placement)},
          {"verdict", to_string(record::verdict_of(model))},
          {"tests", std::move(tests)},
          {"criteria", std::move(criteria)},
          {"checks", std::move(checks)}};
}

Json gaps_json(const std::vector<Gap>& gaps) {
  Json out = Json::array();
  for (const Gap& gap : gaps)
    out.push_back({{"from_seconds", json_number(gap.from_s)}, {"to_seconds", json_number(gap.to_s)}});
  return out;
}

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(json_text(text)); }

}  // namespace

nlohmann::ordered_json json_number(std::optional<double> value) {
  if (!value || !std::isfinite(*value)) return nullptr;
  return *value;
}

std::string json_text(std::string_view text) { return base::replace_invalid_utf8(text); }

nlohmann::ordered_json json_object(const std::string& text) {
  if (text.size() > kObjectBytesMax) return Json::object();
  bool too_deep = false;
  const auto watch_depth = [&](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > kObjectDepthMax;
    return !too_deep;
  };
  Json parsed = Json::parse(text, watch_depth, /*allow_exceptions=*/false);
  return !too_deep && parsed.is_object() ? parsed : Json::object();
}

nlohmann::ordered_json result_json(const ReportInput& input) {
  Json models = Json::array();
  Json recommendations = Json::array();
  for (const record::ModelResult& model : input.models) {
    models.push_back(model_json(model));
    for (const record::Recommendation& advice : model.recommendations)
      recommendations.push_back({{"model", json_text(model.id)},
                                 {"setting", json_text(advice.setting)},
                                 {"change", json_text(advice.change)},
                                 {"expected", json_text(advice.expected)},
                                 {"evidence", json_text(advice.evidence)}});
  }
  return {{"version", kResultVersion},
          {"run",
           {{"id", json_text(input.run.id)},
            {"suite", json_text(input.run.suite)},
            {"scale", json_number(input.run.scale)},
            {"scaled", input.scaled()},
            {"seed", input.run.seed},
            {"started", json_text(input.run.started)},
            {"ended", text_or_null(input.run.ended)},
            {"estimate_seconds", json_number(input.run.estimate_seconds)},
            {"cut_off", text_or_null(input.cut_off)},
            {"gaps", gaps_json(input.gaps)},
            {"verdict", to_string(overall_verdict(input))}}},
          {"environment", json_object(input.run.environment_json)},
          {"target", json_object(input.run.target_json)},
          {"models", std::move(models)},
          {"recommendations", std::move(recommendations)}};
}

std::string result_json_text(const ReportInput& input) { return result_json(input).dump(2) + "\n"; }

}  // namespace moestress::report
