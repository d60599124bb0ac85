#include "store/run_reader.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>
#include <utility>

#include "store/chunk_times.h"
#include "store/decimate.h"
#include "store/json_columns.h"
#include "store/open_database.h"
#include "store/routing_file.h"

namespace moestress::store {
namespace {

using base::ErrorCode;
using SQLite::Statement;

std::string text_at(Statement& row, int column) { return row.getColumn(column).getString(); }
std::int64_t int64_at(Statement& row, int column) { return row.getColumn(column).getInt64(); }
int int_at(Statement& row, int column) { return row.getColumn(column).getInt(); }
base::Duration time_at(Statement& row, int column) { return base::Duration(int64_at(row, column)); }
double double_at(Statement& row, int column) {
  const auto value = row.getColumn(column);
  return value.isNull() ? std::numeric_limits<double>::quiet_NaN() : value.getDouble();
}
std::optional<double> optional_double_at(Statement& row, int column) {
  const auto value = row.getColumn(column);
  return value.isNull() ? std::nullopt : std::optional(value.getDouble());
}
std::optional<std::int64_t> optional_int64_at(Statement& row, int column) {
  const auto value = row.getColumn(column);
  return value.isNull() ? std::nullopt : std::optional<std::int64_t>(value.getInt64());
}
std::string_view blob_at(Statement& row, int column) {
  const auto value = row.getColumn(column);
  return {static_cast<const char*>(value.getBlob()), static_cast<std::size_t>(value.getBytes())};
}

template <class Enum>
base::Result<Enum> enum_from(const std::string& name, Enum last) {
  for (int i = 0; i <= static_cast<int>(last); ++i)
    if (name == record::to_string(static_cast<Enum>(i))) return static_cast<Enum>(i);
  return base::fail(ErrorCode::Format, "unknown name \"{}\"", name);
}

base::Result<record::Verdict> verdict_at(Statement& row, int column) {
  const std::string name = text_at(row, column);
  if (const auto verdict = record::verdict_from(name)) return *verdict;
  return base::fail(ErrorCode::Format, "unknown verdict \"{}\"", name);
}

base::Result<record::Outcome> outcome_of(Statement& row) {
  record::Outcome o;
  o.request.value = int64_at(row, 1);
  o.session.value = int64_at(row, 2);
  MOESTRESS_TRY(o.endpoint, enum_from(text_at(row, 3), record::Endpoint::ShimmyWebSocket));
  o.label = text_at(row, 4);
  MOESTRESS_TRY(o.ending, enum_from(text_at(row, 5), record::Ending::Cancelled));
  o.detail = text_at(row, 6);
  o.http_status = int_at(row, 7);
  o.finish_reason = text_at(row, 8);
  o.planned = time_at(row, 9);
  o.sent = time_at(row, 10);
  o.first_byte = time_at(row, 11);
  o.first_text = time_at(row, 12);
  o.last_text = time_at(row, 13);
  o.done = time_at(row, 14);
  o.prompt_tokens = int64_at(row, 15);
  o.completion_tokens = int64_at(row, 16);
  o.claims = {optional_int64_at(row, 17), optional_int64_at(row, 18), optional_double_at(row, 19),
              optional_double_at(row, 20)};
  o.text = text_at(row, 21);
  o.reasoning_bytes = static_cast<std::size_t>(int64_at(row, 22));
  MOESTRESS_TRY(o.chunks, decode_chunks(blob_at(row, 23), o.text));
  return o;
}

constexpr const char* kOutcomeColumns =
    "SELECT test_id, request, session, endpoint, label, ending, detail, http_status, finish_reason, "
    "planned_ns, "
    "sent_ns, first_byte_ns, first_text_ns, last_text_ns, done_ns, prompt_tokens, completion_tokens, "
    "claimed_prompt_tokens, claimed_completion_tokens, claimed_prompt_ms, claimed_decode_ms, text, "
    "reasoning_bytes, chunk_times "
    "FROM outcomes WHERE model_key = (SELECT key FROM models WHERE id = ?1) AND (?2 = '' OR test_id = ?2) "
    "ORDER BY key";

record::ProcessSample process_sample_of(Statement& row) {
  record::ProcessSample s;
  s.at = time_at(row, 0);
  s.series.value = int64_at(row, 1);
  s.processes = int_at(row, 2);
  s.rss_anon_bytes = int64_at(row, 3);
  s.rss_file_bytes = int64_at(row, 4);
  s.rss_shmem_bytes = int64_at(row, 5);
  s.swap_bytes = int64_at(row, 6);
  s.cpu_time_ns = int64_at(row, 7);
  s.threads = int_at(row, 8);
  if (const auto fds = optional_int64_at(row, 9)) s.fds = static_cast<int>(*fds);
  s.read_bytes = optional_int64_at(row, 10);
  s.written_bytes = optional_int64_at(row, 11);
  return s;
}

record::HostSample host_sample_of(Statement& row) {
  record::HostSample s;
  s.at = time_at(row, 0);
  s.memory_total_bytes = int64_at(row, 1);
  s.memory_available_bytes = int64_at(row, 2);
  s.page_cache_bytes = int64_at(row, 3);
  s.swap_used_bytes = int64_at(row, 4);
  s.cpu_busy_ns = int64_at(row, 5);
  s.memory_pressure_some = optional_double_at(row, 6);
  s.cpu_pressure_some = optional_double_at(row, 7);
  s.io_pressure_some = optional_double_at(row, 8);
  s.cgroup_used_bytes = optional_int64_at(row, 9);
  s.cgroup_limit_bytes = optional_int64_at(row, 10);
  return s;
}

record::DeviceSample device_sample_of(Statement& row) {
  record::DeviceSample s;
  s.at = time_at(row, 0);
  s.device = text_at(row, 1);
  s.source = text_at(row, 2);
  s.used_bytes = optional_int64_at(row, 3);
  s.process_bytes = optional_int64_at(row, 4);
  s.utilisation = optional_double_at(row, 5);
  s.power_watts = optional_double_at(row, 6);
  s.total_bytes = optional_int64_at(row, 7);
  s.reserved_bytes = optional_int64_at(row, 8);
  s.energy_joules = optional_double_at(row, 9);
  return s;
}

}  // namespace

class RunReader::Source {
 public:
  Source(std::string directory, OpenedDatabase opened)
      : directory_(std::move(directory)), opened_(std::move(opened)) {}

  const std::string& directory() const { return directory_; }

  Statement statement(const std::string& sql) const { return Statement(opened_.get(), sql); }

  /// Runs `body`, which may throw what SQLite throws, and puts the run's place before any error.
  template <class Body>
  auto guarded(const Body& body) const -> decltype(body()) {
    try {
      auto result = body();
      if (!result) return base::within(directory_ + "/run.db", std::move(result.error()));
      return result;
    } catch (const SQLite::Exception& error) {
      return base::fail(ErrorCode::Io, "{}/run.db: {}", directory_, error.what());
    }
  }

  /// The samples of `query` (bound already), thinned by `value`. `count` is a statement for their number.
  template <class Sample, class Of, class Value>
  std::vector<Sample> thinned(Statement& count, Statement& query, std::size_t max_points, const Of& of,
                              const Value& value) const {
    count.executeStep();
    Decimator<Sample> decimator(static_cast<std::size_t>(int64_at(count, 0)), max_points);
    while (query.executeStep()) {
      Sample sample = of(query);
      const double v = value(sample);
      decimator.add(std::move(sample), v);
    }
    return decimator.take();
  }

  base::Status read_tests(std::int64_t key, record::ModelResult& model) const {
    Statement row = statement(
        "SELECT id, name, verdict, reason, seconds, metrics_json, findings_json, tables_json FROM tests "
        "WHERE model_key = ? ORDER BY key");
    row.bind(1, key);
    while (row.executeStep()) {
      record::TestResult test;
      test.id = text_at(row, 0);
      test.name = text_at(row, 1);
      MOESTRESS_TRY(test.verdict, verdict_at(row, 2));
      test.reason = text_at(row, 3);
      test.seconds = double_at(row, 4);
      MOESTRESS_TRY(test.metrics, metrics_from_json(text_at(row, 5)));
      MOESTRESS_TRY(test.findings, findings_from_json(text_at(row, 6)));
      MOESTRESS_TRY(test.tables, tables_from_json(text_at(row, 7)));
      model.tests.push_back(std::move(test));
    }
    return {};
  }

  base::Status read_criteria(std::int64_t key, record::ModelResult& model) const {
    Statement row = statement(
        "SELECT id, name, threshold, measured, unit, evidence, verdict, reason FROM criteria "
        "WHERE model_key = ? ORDER BY key");
    row.bind(1, key);
    while (row.executeStep()) {
      record::CriterionResult criterion;
      criterion.id = text_at(row, 0);
      criterion.name = text_at(row, 1);
      criterion.threshold = text_at(row, 2);
      criterion.measured = optional_double_at(row, 3);
      criterion.unit = text_at(row, 4);
      criterion.evidence = text_at(row, 5);
      MOESTRESS_TRY(criterion.verdict, verdict_at(row, 6));
      criterion.reason = text_at(row, 7);
      model.criteria.push_back(std::move(criterion));
    }
    return {};
  }

  void read_recommendations(std::int64_t key, record::ModelResult& model) const {
    Statement row = statement(
        "SELECT setting, change, expected, evidence FROM recommendations WHERE model_key = ? ORDER BY key");
    row.bind(1, key);
    while (row.executeStep())
      model.recommendations.push_back({text_at(row, 0), text_at(row, 1), text_at(row, 2), text_at(row, 3)});
  }

 private:
  std::string directory_;
  OpenedDatabase opened_;
};

RunReader::RunReader() = default;
RunReader::RunReader(RunReader&&) noexcept = default;
RunReader& RunReader::operator=(RunReader&&) noexcept = default;
RunReader::~RunReader() = default;

base::Result<RunReader> RunReader::open(const std::string& directory) {
  MOESTRESS_TRY(OpenedDatabase opened, OpenedDatabase::open(directory));
  RunReader reader;
  reader.source_ = std::make_unique<Source>(directory, std::move(opened));
  return reader;
}

const std::string& RunReader::directory() const { return source_->directory(); }

base::Result<RunInfo> RunReader::info() const {
  return source_->guarded([&]() -> base::Result<RunInfo> {
    Statement row = source_->statement(
        "SELECT id, suite, scale, seed, started, ended, verdict, version, reason, environment_json, "
        "target_json "
        "FROM run");
    if (!row.executeStep()) return base::fail(ErrorCode::Format, "holds no run");
    RunInfo info;
    info.id = text_at(row, 0);
    info.suite = text_at(row, 1);
    info.scale = double_at(row, 2);
    info.seed = static_cast<std::uint64_t>(int64_at(row, 3));
    info.started = text_at(row, 4);
    info.ended = text_at(row, 5);
    info.verdict = text_at(row, 6);
    info.version = text_at(row, 7);
    info.reason = text_at(row, 8);
    info.environment_json = text_at(row, 9);
    info.target_json = text_at(row, 10);
    return info;
  });
}

base::Result<std::vector<record::ModelResult>> RunReader::models() const {
  return source_->guarded([&]() -> base::Result<std::vector<record::ModelResult>> {
    std::vector<record::ModelResult> models;
    Statement row = source_->statement(
        "SELECT key, id, path, architecture, layers, experts, experts_used, experts_shared, placement FROM "
        "models "
        "ORDER BY key");
    while (row.executeStep()) {
      record::ModelResult model;
      const std::int64_t key = int64_at(row, 0);
      model.id = text_at(row, 1);
      model.path = text_at(row, 2);
      model.architecture = text_at(row, 3);
      model.layers = int_at(row, 4);
      model.experts = int_at(row, 5);
      model.experts_used = int_at(row, 6);
      model.experts_shared = int_at(row, 7);
      model.placement = text_at(row, 8);
      MOESTRESS_TRY_STATUS(source_->read_tests(key, model));
      MOESTRESS_TRY_STATUS(source_->read_criteria(key, model));
      source_->read_recommendations(key, model);
      models.push_back(std::move(model));
    }
    return models;
  });
}

base::Status RunReader::for_each_outcome(
    const std::string& model_id, const std::string& test_id,
    const std::function<void(const std::string& test_id, const record::Outcome&)>& visit) const {
  return source_->guarded([&]() -> base::Status {
    Statement row = source_->statement(kOutcomeColumns);
    row.bind(1, model_id);
    row.bind(2, test_id);
    while (row.executeStep()) {
      MOESTRESS_TRY(const record::Outcome outcome, outcome_of(row));
      visit(text_at(row, 0), outcome);
    }
    return {};
  });
}

base::Result<std::vector<record::Outcome>> RunReader::outcomes(const std::string& model_id,
                                                               const std::string& test_id) const {
  std::vector<record::Outcome> all;
  MOESTRESS_TRY_STATUS(
      for_each_outcome(model_id, test_id,
                       [&](const std::string&, const record::Outcome& outcome) { all.push_back(outcome); }));
  return all;
}

base::Result<std::vector<record::ProcessSample>> RunReader::process_samples(const std::string& model_id,
                                                                            std::size_t max_points) const {
  return source_->guarded([&]() -> base::Result<std::vector<record::ProcessSample>> {
    const std::string from = " FROM process_samples WHERE model_key = (SELECT key FROM models WHERE id = ?)";
    Statement count = source_->statement("SELECT count(*)" + from);
    Statement query = source_->statement(
        "SELECT at_ns, series, processes, rss_anon_bytes, rss_file_bytes, rss_shmem_bytes, swap_bytes, "
        "cpu_time_ns, threads, fds, read_bytes, written_bytes" +
        from + " ORDER BY at_ns, key");
    count.bind(1, model_id);
    query.bind(1, model_id);
    return source_->thinned<record::ProcessSample>(
        count, query, max_points, process_sample_of,
        [](const record::ProcessSample& s) { return static_cast<double>(s.private_bytes()); });
  });
}

base::Result<std::vector<record::HostSample>> RunReader::host_samples(std::size_t max_points) const {
  return source_->guarded([&]() -> base::Result<std::vector<record::HostSample>> {
    Statement count = source_->statement("SELECT count(*) FROM host_samples");
    Statement query = source_->statement(
        "SELECT at_ns, memory_total_bytes, memory_available_bytes, page_cache_bytes, swap_used_bytes, "
        "cpu_busy_ns, memory_pressure_some, cpu_pressure_some, io_pressure_some, cgroup_used_bytes, "
        "cgroup_limit_bytes FROM host_samples ORDER BY at_ns, key");
    return source_->thinned<record::HostSample>(
        count, query, max_points, host_sample_of,
        [](const record::HostSample& s) { return static_cast<double>(s.memory_available_bytes); });
  });
}

base::Result<std::vector<record::DeviceSample>> RunReader::device_samples(const std::string& model_id,
                                                                          std::size_t max_points) const {
  return source_->guarded([&]() -> base::Result<std::vector<record::DeviceSample>> {
    const std::string of_model =
        " FROM device_samples WHERE model_key = (SELECT key FROM models WHERE id = ?)";
    Statement series =
        source_->statement("SELECT DISTINCT device, source" + of_model + " ORDER BY device, source");
    series.bind(1, model_id);
    std::vector<record::DeviceSample> all;
    while (series.executeStep()) {
      const std::string from = of_model + " AND device = ? AND source = ?";
      Statement count = source_->statement("SELECT count(*)" + from);
      Statement query = source_->statement(
          "SELECT at_ns, device, source, used_bytes, process_bytes, utilisation, power_watts, total_bytes, "
          "reserved_bytes, energy_joules" +
          from + " ORDER BY at_ns, key");
      for (Statement* statement : {&count, &query}) {
        statement->bind(1, model_id);
        statement->bind(2, text_at(series, 0));
        statement->bind(3, text_at(series, 1));
      }
      auto samples = source_->thinned<record::DeviceSample>(
          count, query, max_points, device_sample_of,
          [](const record::DeviceSample& s) { return static_cast<double>(s.used_bytes.value_or(0)); });
      all.insert(all.end(), std::make_move_iterator(samples.begin()), std::make_move_iterator(samples.end()));
    }
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
    return all;
  });
}

base::Result<std::vector<Event>> RunReader::events() const {
  return source_->guarded([&]() -> base::Result<std::vector<Event>> {
    std::vector<Event> events;
    Statement row = source_->statement("SELECT at_ns, kind, text FROM events ORDER BY key");
    while (row.executeStep()) events.push_back({time_at(row, 0), text_at(row, 1), text_at(row, 2)});
    return events;
  });
}

base::Result<std::vector<RoutingEntry>> RunReader::routing(const std::string& model_id) const {
  return source_->guarded([&]() -> base::Result<std::vector<RoutingEntry>> {
    std::vector<RoutingEntry> entries;
    Statement row = source_->statement(
        "SELECT routing.key, models.id, set_label, prompt_id, tokens, routing.layers, routing.experts, k, "
        "file_offset, frame_bytes FROM routing JOIN models ON models.key = model_key "
        "WHERE ?1 = '' OR models.id = ?1 ORDER BY routing.key");
    row.bind(1, model_id);
    while (row.executeStep())
      entries.push_back({int64_at(row, 0), text_at(row, 1), text_at(row, 2), text_at(row, 3),
                         static_cast<std::size_t>(int64_at(row, 4)), int_at(row, 5), int_at(row, 6),
                         int_at(row, 7), static_cast<std::uint64_t>(int64_at(row, 8)),
                         static_cast<std::uint64_t>(int64_at(row, 9))});
    return entries;
  });
}

base::Result<record::RoutingTrace> RunReader::read_routing(const RoutingEntry& entry) const {
  return read_frame(source_->directory() + "/routing.bin", entry.offset, entry.frame_bytes);
}

}  // namespace moestress::store
