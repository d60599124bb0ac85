#include "store/run_reader.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "store/decimate.h"
#include "store/open_database.h"
#include "store/routing_file.h"
#include "store/row_reader.h"

namespace moestress::store {
namespace {

using base::ErrorCode;
using SQLite::Statement;

/// "SELECT <columns><from_where> ORDER BY <order>"
std::string select(const char* columns, const std::string& from_where, const char* order) {
  return fmt::format("SELECT {}{} ORDER BY {}", columns, from_where, order);
}

}  // namespace

class RunReader::Source {
 public:
  Source(std::string directory, OpenedDatabase opened)
      : directory_(std::move(directory)), opened_(std::move(opened)) {}

  const std::string& directory() const { return directory_; }

  Statement statement(const std::string& sql) const { return Statement(opened_.get(), sql); }
  bool can_resume() const { return version() >= 2; }
  bool knows_others_cpu() const { return version() >= 3; }

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
    Statement row = statement(select(kTestColumns, " FROM tests WHERE model_key = ?", "key"));
    row.bind(1, key);
    while (row.executeStep()) {
      MOESTRESS_TRY(record::TestResult test, test_of(row));
      model.tests.push_back(std::move(test));
    }
    return {};
  }

  base::Status read_criteria(std::int64_t key, record::ModelResult& model) const {
    Statement row = statement(select(kCriterionColumns, " FROM criteria WHERE model_key = ?", "key"));
    row.bind(1, key);
    while (row.executeStep()) {
      MOESTRESS_TRY(record::CriterionResult criterion, criterion_of(row));
      model.criteria.push_back(std::move(criterion));
    }
    return {};
  }

  /// Runs of an older moestress lack some tables.
  bool has_table(const char* name) const { return opened_.get().tableExists(name); }

  base::Status read_checks(std::int64_t key, record::ModelResult& model) const {
    if (!has_table("checks")) return {};
    Statement row = statement(
        "SELECT expression, test, measured, unit, n, reason, verdict FROM checks WHERE model_key = ? ORDER "
        "BY key");
    row.bind(1, key);
    while (row.executeStep()) {
      record::CheckResult check;
      check.expression = text_at(row, 0);
      check.test = text_at(row, 1);
      check.measured = optional_double_at(row, 2);
      check.unit = text_at(row, 3);
      check.n = int64_at(row, 4);
      check.reason = text_at(row, 5);
      const auto verdict = record::verdict_from(text_at(row, 6));
      if (!verdict) return base::fail(ErrorCode::Format, "unknown verdict \"{}\"", text_at(row, 6));
      check.verdict = *verdict;
      model.checks.push_back(std::move(check));
    }
    return {};
  }

  void read_estimates(record::ModelResult& model) const {
    if (!has_table("estimates")) return;
    Statement row = statement("SELECT seconds FROM estimates WHERE model_id = ? AND test_id = ?");
    for (record::TestResult& test : model.tests) {
      row.reset();
      row.bind(1, model.id);
      row.bind(2, test.id);
      if (row.executeStep()) test.estimate_seconds = double_at(row, 0);
    }
  }

  void read_recommendations(std::int64_t key, record::ModelResult& model) const {
    Statement row = statement(
        "SELECT setting, change, expected, evidence FROM recommendations WHERE model_key = ? ORDER BY key");
    row.bind(1, key);
    while (row.executeStep())
      model.recommendations.push_back({text_at(row, 0), text_at(row, 1), text_at(row, 2), text_at(row, 3)});
  }

 private:
  int version() const { return opened_.get().execAndGet("PRAGMA user_version").getInt(); }

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
    if (source_->has_table("estimates")) {
      Statement sum = source_->statement("SELECT sum(seconds) FROM estimates");
      if (sum.executeStep()) info.estimate_seconds = optional_double_at(sum, 0);
    }
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
      MOESTRESS_TRY_STATUS(source_->read_checks(key, model));
      source_->read_estimates(model);
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
    Statement row = source_->statement(select(kOutcomeColumns,
                                              " FROM outcomes WHERE model_key = (SELECT key FROM models "
                                              "WHERE id = ?1) AND (?2 = '' OR test_id = ?2)",
                                              "key"));
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
    Statement query = source_->statement(select(kProcessSampleColumns, from, "at_ns, key"));
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
    Statement query = source_->statement(select(kHostSampleColumns, " FROM host_samples", "at_ns, key"));
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
      Statement query = source_->statement(select(kDeviceSampleColumns, from, "at_ns, key"));
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

base::Result<std::vector<Part>> RunReader::parts() const {
  return source_->guarded([&]() -> base::Result<std::vector<Part>> {
    std::vector<Part> parts;
    if (!source_->can_resume()) return parts;
    Statement row = source_->statement("SELECT at_ns, wall_ns, gap_from_ns FROM parts ORDER BY key");
    while (row.executeStep()) {
      Part part{time_at(row, 0), base::WallTime(time_at(row, 1)), base::Duration{-1}};
      if (!row.getColumn(2).isNull()) part.gap_from = time_at(row, 2);
      parts.push_back(part);
    }
    return parts;
  });
}

base::Result<base::Duration> RunReader::last_instant() const {
  return source_->guarded([&]() -> base::Result<base::Duration> {
    Statement row = source_->statement(
        "SELECT max((SELECT coalesce(max(at_ns), 0) FROM events), (SELECT coalesce(max(at_ns), 0) FROM "
        "host_samples), (SELECT coalesce(max(at_ns), 0) FROM process_samples), (SELECT coalesce(max(at_ns), "
        "0) FROM device_samples), (SELECT coalesce(max(done_ns), 0) FROM outcomes))");
    row.executeStep();
    return time_at(row, 0);
  });
}

base::Result<NextIds> RunReader::next_ids() const {
  return source_->guarded([&]() -> base::Result<NextIds> {
    Statement row = source_->statement(
        "SELECT (SELECT coalesce(max(request), -1) + 1 FROM outcomes), (SELECT coalesce(max(session), -1) + "
        "1 "
        "FROM outcomes), (SELECT coalesce(max(series), -1) + 1 FROM process_samples)");
    row.executeStep();
    return NextIds{int64_at(row, 0), int64_at(row, 1), int64_at(row, 2)};
  });
}

base::Result<std::vector<ModelFile>> RunReader::model_files() const {
  return source_->guarded([&]() -> base::Result<std::vector<ModelFile>> {
    std::vector<ModelFile> files;
    if (!source_->can_resume()) return files;
    Statement row = source_->statement("SELECT path, bytes, modified_ns FROM model_files ORDER BY path");
    while (row.executeStep()) files.push_back({text_at(row, 0), int64_at(row, 1), int64_at(row, 2)});
    return files;
  });
}

base::Result<std::string> RunReader::model_state(const std::string& model_id) const {
  return source_->guarded([&]() -> base::Result<std::string> {
    if (!source_->can_resume()) return std::string();
    Statement row = source_->statement(
        "SELECT state_json FROM model_states WHERE model_key = (SELECT key FROM models WHERE id = ?)");
    row.bind(1, model_id);
    return row.executeStep() ? text_at(row, 0) : std::string();
  });
}

base::Result<std::vector<record::Checkpoint>> RunReader::checkpoints(const std::string& model_id,
                                                                     const std::string& test_id) const {
  return source_->guarded([&]() -> base::Result<std::vector<record::Checkpoint>> {
    std::vector<record::Checkpoint> checkpoints;
    if (!source_->can_resume()) return checkpoints;
    const std::string columns =
        fmt::format("{}, {}", kCheckpointColumns, source_->knows_others_cpu() ? "others_cpu_cores" : "NULL");
    Statement row = source_->statement(select(
        columns.c_str(),
        " FROM checkpoints WHERE model_key = (SELECT key FROM models WHERE id = ?) AND test_id = ?", "key"));
    row.bind(1, model_id);
    row.bind(2, test_id);
    while (row.executeStep()) {
      MOESTRESS_TRY(record::Checkpoint checkpoint, checkpoint_of(row));
      checkpoints.push_back(std::move(checkpoint));
    }
    return checkpoints;
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
