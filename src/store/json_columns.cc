#include "store/json_columns.h"

#include <limits>
#include <nlohmann/json.hpp>

namespace moestress::store {
namespace {

using nlohmann::json;

std::string dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

double number(const json& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

/// Runs `read` on the parsed text; what nlohmann throws on the way becomes a Format error.
template <class T, class Read>
base::Result<T> parse(const std::string& text, const char* what, const Read& read) {
  try {
    T out;
    for (const json& element : json::parse(text)) read(element, out);
    return out;
  } catch (const json::exception& error) {
    return base::fail(base::ErrorCode::Format, "{} column: {}", what, error.what());
  }
}

}  // namespace

std::string metrics_to_json(const record::Metrics& metrics) {
  json out = json::array();
  for (const auto& [name, metric] : metrics) {
    json entry{{"name", name}, {"value", metric.value}, {"unit", metric.unit}, {"n", metric.n}};
    if (metric.ci) entry["ci"] = {metric.ci->first, metric.ci->second};
    out.push_back(std::move(entry));
  }
  return dump(out);
}

std::string findings_to_json(const std::vector<record::Finding>& findings) {
  json out = json::array();
  for (const auto& finding : findings)
    out.push_back({{"severity", finding.severity}, {"text", finding.text}});
  return dump(out);
}

std::string tables_to_json(const std::vector<record::Table>& tables) {
  json out = json::array();
  for (const auto& table : tables)
    out.push_back({{"title", table.title},
                   {"columns", table.columns},
                   {"rows", table.rows},
                   {"row_labels", table.row_labels},
                   {"kind", table.kind}});
  return dump(out);
}

std::string threads_to_json(const std::vector<record::ThreadPosition>& threads) {
  json out = json::array();
  for (const auto& thread : threads)
    out.push_back({{"turns", thread.turns}, {"conversations", thread.conversations}});
  return dump(out);
}

base::Result<record::Metrics> metrics_from_json(const std::string& text) {
  return parse<record::Metrics>(text, "metrics", [](const json& entry, record::Metrics& out) {
    record::Metric metric;
    metric.value = number(entry.at("value"));
    metric.unit = entry.at("unit").get<std::string>();
    metric.n = entry.at("n").get<std::int64_t>();
    if (const auto ci = entry.find("ci"); ci != entry.end())
      metric.ci = {number(ci->at(0)), number(ci->at(1))};
    out[entry.at("name").get<std::string>()] = std::move(metric);
  });
}

base::Result<std::vector<record::Finding>> findings_from_json(const std::string& text) {
  using Findings = std::vector<record::Finding>;
  return parse<Findings>(text, "findings", [](const json& entry, Findings& out) {
    out.push_back({entry.at("severity").get<std::string>(), entry.at("text").get<std::string>()});
  });
}

base::Result<std::vector<record::Table>> tables_from_json(const std::string& text) {
  using Tables = std::vector<record::Table>;
  return parse<Tables>(text, "tables", [](const json& entry, Tables& out) {
    record::Table table;
    table.title = entry.at("title").get<std::string>();
    table.columns = entry.at("columns").get<std::vector<std::string>>();
    for (const json& row : entry.at("rows")) {
      auto& numbers = table.rows.emplace_back();
      for (const json& cell : row) numbers.push_back(number(cell));
    }
    table.row_labels = entry.at("row_labels").get<std::vector<std::string>>();
    table.kind = entry.at("kind").get<std::string>();
    out.push_back(std::move(table));
  });
}

base::Result<std::vector<record::ThreadPosition>> threads_from_json(const std::string& text) {
  using Threads = std::vector<record::ThreadPosition>;
  return parse<Threads>(text, "threads", [](const json& entry, Threads& out) {
    out.push_back({entry.at("turns").get<std::int64_t>(), entry.at("conversations").get<std::int64_t>()});
  });
}

}  // namespace moestress::store
