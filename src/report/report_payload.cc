#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <set>

#include "report/html_report.h"
#include "report/plain_text.h"
#include "report/result_json.h"
#include "report/verdict_sentence.h"

namespace moestress::report {
namespace {

using Json = nlohmann::ordered_json;

std::string visible(std::string_view text) { return visible_text(text, std::string::npos); }

/// A value with the same done to every text in it, keys included.
Json visible_json(const Json& value) {
  if (value.is_string()) return visible(value.get_ref<const std::string&>());
  if (!value.is_structured()) return value;
  Json out = value.is_array() ? Json::array() : Json::object();
  for (const auto& [key, element] : value.items()) {
    if (value.is_array()) {
      out.push_back(visible_json(element));
    } else {
      out[visible(key)] = visible_json(element);
    }
  }
  return out;
}

/// A figure for drawing: six significant digits, which print shorter; integers as they are; null for a gap.
Json drawn(double value) {
  if (!std::isfinite(value)) return nullptr;
  if (value == std::floor(value) && std::abs(value) < 9e15) return static_cast<std::int64_t>(value);
  return std::strtod(fmt::format("{:.6g}", value).c_str(), nullptr);
}

Json drawn(const std::vector<double>& values) {
  Json out = Json::array();
  for (const double value : values) out.push_back(drawn(value));
  return out;
}

Json texts(const std::vector<std::string>& strings) {
  Json out = Json::array();
  for (const std::string& text : strings) out.push_back(visible(text));
  return out;
}

/// Which rows of a curve are drawn, ascending: all up to kSeriesPoints; of more, the rows are cut into equal
/// runs and of each run those stay in which a column is lowest or highest, so that no peak is lost.
std::vector<std::size_t> drawn_rows(const record::Table& table) {
  const std::size_t rows = table.rows.size();
  std::vector<std::size_t> kept(std::min(rows, kSeriesPoints));
  std::iota(kept.begin(), kept.end(), 0);
  if (rows <= kSeriesPoints) return kept;
  const std::size_t columns = std::clamp<std::size_t>(table.columns.size(), 2, kSeriesPoints / 4) - 1;
  const std::size_t runs = kSeriesPoints / (2 * columns);
  std::set<std::size_t> extremes;
  for (std::size_t run = 0; run < runs; ++run)
    for (std::size_t column = 1; column <= columns; ++column) {
      std::optional<std::size_t> low, high;
      for (std::size_t row = run * rows / runs; row < (run + 1) * rows / runs; ++row) {
        if (table.rows[row].size() <= column || !std::isfinite(table.rows[row][column])) continue;
        if (!low || table.rows[row][column] < table.rows[*low][column]) low = row;
        if (!high || table.rows[row][column] > table.rows[*high][column]) high = row;
      }
      if (low) extremes.insert({*low, *high});
    }
  return {extremes.begin(), extremes.end()};
}

Json table_json(const record::Table& table) {
  Json rows = Json::array();
  std::size_t cells = 0;
  const auto add = [&](const std::vector<double>& row) {
    cells += row.size();
    if (cells <= kTableCellsMax) rows.push_back(drawn(row));
  };
  if (table.kind == "line") {
    for (const std::size_t row : drawn_rows(table)) add(table.rows[row]);
  } else {
    for (const std::vector<double>& row : table.rows) add(row);
  }
  const std::size_t shown = rows.size();
  return {{"title", visible(table.title)},         {"kind", visible(table.kind)},
          {"columns", texts(table.columns)},       {"rows", std::move(rows)},
          {"row_labels", texts(table.row_labels)}, {"rows_left_out", table.rows.size() - shown}};
}

/// [model][test][table]
Json tables_json(const ReportInput& input) {
  Json models = Json::array();
  for (const record::ModelResult& model : input.models) {
    Json tests = Json::array();
    for (const record::TestResult& test : model.tests) {
      Json tables = Json::array();
      for (const record::Table& table : test.tables) tables.push_back(table_json(table));
      tests.push_back(std::move(tables));
    }
    models.push_back(std::move(tests));
  }
  return models;
}

Json curves_json(const std::vector<Curve>& curves) {
  Json out = Json::array();
  for (const Curve& c : curves)
    out.push_back(
        {{"name", visible(c.name)}, {"unit", visible(c.unit)}, {"x", drawn(c.x)}, {"y", drawn(c.y)}});
  return out;
}

Json memory_json(const MemoryTimeline& memory) {
  Json marks = Json::array();
  for (const Mark& mark : memory.marks)
    marks.push_back(
        {{"seconds", drawn(mark.seconds)}, {"kind", visible(mark.kind)}, {"text", visible(mark.text)}});
  return {{"process", curves_json(memory.process)},
          {"device", curves_json(memory.device)},
          {"host", curves_json(memory.host)},
          {"marks", std::move(marks)}};
}

Json requests_json(const ReportInput& input) {
  Json latencies = Json::array();
  for (const LatencyDistribution& l : input.latencies) {
    Json percentiles = Json::array();
    for (const Percentile& p : l.percentiles_ms) percentiles.push_back(Json::array({p.p, drawn(p.value)}));
    latencies.push_back({{"model", visible(l.model)},
                         {"test", visible(l.test)},
                         {"quantity", l.quantity},
                         {"n", l.n},
                         {"max_ms", drawn(l.max_ms)},
                         {"value_ms", drawn(l.value_ms)},
                         {"share", drawn(l.share)},
                         {"percentiles_ms", std::move(percentiles)}});
  }
  Json endings = Json::array();
  for (const EndingCount& e : input.endings)
    endings.push_back(
        {{"model", visible(e.model)}, {"test", visible(e.test)}, {"ending", e.ending}, {"n", e.count}});
  Json speeds = Json::array();
  for (const SpeedCloud& cloud : input.speeds) {
    Json x = Json::array(), y = Json::array();
    for (const SpeedPoint& point : cloud.points) {
      x.push_back(drawn(point.context_tokens));
      y.push_back(drawn(point.tok_per_s));
    }
    speeds.push_back({{"model", visible(cloud.model)},
                      {"n", cloud.n},
                      {"context_tokens", std::move(x)},
                      {"tok_per_s", std::move(y)}});
  }
  return {
      {"latencies", std::move(latencies)}, {"endings", std::move(endings)}, {"speeds", std::move(speeds)}};
}

Json routing_json(const std::vector<RoutingShares>& routing) {
  Json out = Json::array();
  for (const RoutingShares& r : routing) {
    Json share = Json::array();
    for (const std::vector<double>& layer : r.share) {
      Json row = Json::array();
      for (const double s : layer) row.push_back(std::strtod(fmt::format("{:.4g}", s).c_str(), nullptr));
      share.push_back(std::move(row));
    }
    out.push_back({{"model", visible(r.model)},
                   {"set", visible(r.set)},
                   {"tokens", r.tokens},
                   {"layers", r.layers},
                   {"share", std::move(share)}});
  }
  return out;
}

/// result.json's content, with findings past kFindingsMax counted instead of listed.
Json bounded_result(const ReportInput& input) {
  Json result = visible_json(result_json(input));
  for (Json& model : result["models"])
    for (Json& test : model["tests"]) {
      Json& findings = test["findings"];
      if (findings.size() <= kFindingsMax) continue;
      const std::size_t left_out = findings.size() - kFindingsMax;
      findings.erase(findings.begin() + kFindingsMax, findings.end());
      findings.push_back(
          {{"severity", "info"}, {"text", fmt::format("{} more findings are in result.json", left_out)}});
    }
  return result;
}

}  // namespace

std::string report_payload(const ReportInput& input) {
  Json sentences = Json::array();
  for (const record::ModelResult& model : input.models) sentences.push_back(visible(verdict_sentence(model)));
  const Json payload = {{"result", bounded_result(input)},
                        {"sentences", std::move(sentences)},
                        {"seed", std::to_string(input.run.seed)},  // JavaScript's numbers end at 2^53
                        {"moestress", visible(input.run.version)},
                        {"plan", visible(input.plan_toml)},
                        {"notes", texts(input.notes)},
                        {"gaps", visible(gap_sentence(input.gaps))},
                        {"tables", tables_json(input)},
                        {"memory", memory_json(input.memory)},
                        {"requests", requests_json(input)},
                        {"routing", routing_json(input.routing)}};
  std::string out;
  for (const char c : payload.dump()) {
    if (c == '<') {
      out += "\\u003c";
    } else if (c == '>') {
      out += "\\u003e";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace moestress::report
