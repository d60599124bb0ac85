#include "store/row_writer.h"

#include <fmt/format.h>

#include <optional>
#include <type_traits>

#include "base/clock.h"
#include "store/json_columns.h"
#include "store/schema.h"

namespace moestress::store {
namespace {

/// Binds one value; absent is NULL. The value lives until the statement has run.
template <class T>
void bind_one(SQLite::Statement& statement, int index, const T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    statement.bindNoCopy(index, value);
  } else if constexpr (std::is_same_v<T, base::Duration>) {
    statement.bind(index, static_cast<std::int64_t>(value.count()));
  } else if constexpr (std::is_integral_v<T>) {
    statement.bind(index, static_cast<std::int64_t>(value));
  } else if constexpr (std::is_floating_point_v<T>) {
    statement.bind(index, value);
  } else if constexpr (std::is_convertible_v<T, const char*>) {
    statement.bind(index, static_cast<const char*>(value));
  } else {
    if (value) {
      bind_one(statement, index, *value);
    } else {
      statement.bind(index);
    }
  }
}

struct Blob {
  const std::string& bytes;
};
void bind_one(SQLite::Statement& statement, int index, const Blob& blob) {
  statement.bindNoCopy(index, blob.bytes.data(), static_cast<int>(blob.bytes.size()));
}

}  // namespace

RowWriter::RowWriter(SQLite::Database& database) : database_(database) {}

SQLite::Statement& RowWriter::prepared(std::string_view sql) {
  const auto found = statements_.find(sql);
  if (found != statements_.end()) return found->second;
  return statements_.try_emplace(sql, database_, std::string(sql)).first->second;
}

template <class... Values>
void RowWriter::execute(std::string_view sql, const Values&... values) {
  SQLite::Statement& statement = prepared(sql);
  int index = 0;
  (bind_one(statement, ++index, values), ...);
  statement.exec();
  statement.reset();
  statement.clearBindings();
}

std::int64_t RowWriter::key_of(const std::string& model_id) {
  if (const auto found = model_keys_.find(model_id); found != model_keys_.end()) return found->second;
  SQLite::Statement known(database_, "SELECT key FROM models WHERE id = ?");
  known.bind(1, model_id);
  if (known.executeStep()) return model_keys_[model_id] = known.getColumn(0).getInt64();
  execute("INSERT INTO models (id) VALUES (?)", model_id);
  return model_keys_[model_id] = database_.getLastInsertRowid();
}

void RowWriter::add(const record::ModelResult& m) {
  execute(
      "UPDATE models SET path = ?2, architecture = ?3, layers = ?4, experts = ?5, experts_used = ?6, "
      "experts_shared = ?7, placement = ?8 WHERE key = ?1",
      key_of(m.id), m.path, m.architecture, m.layers, m.experts, m.experts_used, m.experts_shared,
      m.placement);
}

void RowWriter::add(const std::string& model_id, const record::TestResult& t) {
  execute(
      "INSERT INTO tests (model_key, id, name, verdict, reason, seconds, metrics_json, findings_json, "
      "tables_json) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (model_key, id) DO UPDATE SET name = excluded.name, "
      "verdict = excluded.verdict, reason = excluded.reason, seconds = excluded.seconds, "
      "metrics_json = excluded.metrics_json, findings_json = excluded.findings_json, "
      "tables_json = excluded.tables_json",
      key_of(model_id), t.id, t.name, record::to_string(t.verdict), t.reason, t.seconds,
      metrics_to_json(t.metrics), findings_to_json(t.findings), tables_to_json(t.tables));
}

void RowWriter::mark_finished() {
  execute(
      "UPDATE marks SET outcomes_key = (SELECT coalesce(max(key), 0) FROM outcomes), "
      "routing_key = (SELECT coalesce(max(key), 0) FROM routing)");
}

void RowWriter::add(const std::string& model_id, const record::CriterionResult& c) {
  execute(
      "INSERT INTO criteria (model_key, id, name, threshold, measured, unit, evidence, verdict, reason) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (model_key, id) DO UPDATE SET name = excluded.name, "
      "threshold = excluded.threshold, measured = excluded.measured, unit = excluded.unit, "
      "evidence = excluded.evidence, verdict = excluded.verdict, reason = excluded.reason",
      key_of(model_id), c.id, c.name, c.threshold, c.measured, c.unit, c.evidence,
      record::to_string(c.verdict), c.reason);
}

void RowWriter::add(const std::string& model_id, const record::CheckResult& c) {
  execute(
      "INSERT INTO checks (model_key, expression, test, measured, unit, n, verdict, reason) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (model_key, expression) DO UPDATE SET test = "
      "excluded.test, "
      "measured = excluded.measured, unit = excluded.unit, n = excluded.n, verdict = excluded.verdict, "
      "reason = excluded.reason",
      key_of(model_id), c.expression, c.test, c.measured, c.unit, c.n, record::to_string(c.verdict),
      c.reason);
}

void RowWriter::add_estimate(const std::string& model_id, const std::string& test_id, double seconds) {
  execute("INSERT OR REPLACE INTO estimates (model_id, test_id, seconds) VALUES (?, ?, ?)", model_id, test_id,
          seconds);
}

void RowWriter::add(const std::string& model_id, const record::Recommendation& r) {
  execute(
      "INSERT INTO recommendations (model_key, setting, change, expected, evidence) VALUES (?, ?, ?, ?, ?)",
      key_of(model_id), r.setting, r.change, r.expected, r.evidence);
}

void RowWriter::add(const std::string& model_id, const std::string& test_id, const StoredOutcome& stored) {
  const record::Outcome& o = stored.outcome;
  execute(
      "INSERT INTO outcomes (model_key, test_id, request, session, endpoint, label, ending, detail, "
      "http_status, "
      "finish_reason, planned_ns, sent_ns, first_byte_ns, first_text_ns, last_text_ns, done_ns, "
      "prompt_tokens, "
      "completion_tokens, claimed_prompt_tokens, claimed_completion_tokens, claimed_prompt_ms, "
      "claimed_decode_ms, "
      "text, text_bytes, reasoning_bytes, chunk_times, chunks) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      key_of(model_id), test_id, o.request.value, o.session.value, record::to_string(o.endpoint), o.label,
      record::to_string(o.ending), o.detail, o.http_status, o.finish_reason, o.planned, o.sent, o.first_byte,
      o.first_text, o.last_text, o.done, o.prompt_tokens, o.completion_tokens, o.claims.prompt_tokens,
      o.claims.completion_tokens, o.claims.prompt_ms, o.claims.decode_ms, o.text, stored.text_bytes,
      o.reasoning_bytes, Blob{stored.chunk_times}, stored.chunks);
}

void RowWriter::add(const std::string& model_id, const record::ProcessSample& s) {
  execute(
      "INSERT INTO process_samples (model_key, at_ns, series, processes, rss_anon_bytes, rss_file_bytes, "
      "rss_shmem_bytes, swap_bytes, cpu_time_ns, threads, fds, read_bytes, written_bytes) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      key_of(model_id), s.at, s.series.value, s.processes, s.rss_anon_bytes, s.rss_file_bytes,
      s.rss_shmem_bytes, s.swap_bytes, s.cpu_time_ns, s.threads, s.fds, s.read_bytes, s.written_bytes);
}

void RowWriter::add(const record::HostSample& s) {
  execute(
      "INSERT INTO host_samples (at_ns, memory_total_bytes, memory_available_bytes, page_cache_bytes, "
      "swap_used_bytes, cpu_busy_ns, memory_pressure_some, cpu_pressure_some, io_pressure_some, "
      "cgroup_used_bytes, cgroup_limit_bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      s.at, s.memory_total_bytes, s.memory_available_bytes, s.page_cache_bytes, s.swap_used_bytes,
      s.cpu_busy_ns, s.memory_pressure_some, s.cpu_pressure_some, s.io_pressure_some, s.cgroup_used_bytes,
      s.cgroup_limit_bytes);
}

void RowWriter::add(const std::string& model_id, const record::DeviceSample& s) {
  execute(
      "INSERT INTO device_samples (model_key, at_ns, device, source, used_bytes, process_bytes, utilisation, "
      "power_watts, total_bytes, reserved_bytes, energy_joules) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      key_of(model_id), s.at, s.device, s.source, s.used_bytes, s.process_bytes, s.utilisation, s.power_watts,
      s.total_bytes, s.reserved_bytes, s.energy_joules);
}

void RowWriter::add(const Event& event) {
  execute("INSERT INTO events (at_ns, kind, text) VALUES (?, ?, ?)", event.at, event.kind, event.text);
}

void RowWriter::add(const RoutingEntry& e) {
  execute(
      "INSERT INTO routing (model_key, set_label, prompt_id, tokens, layers, experts, k, file_offset, "
      "frame_bytes) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      key_of(e.model_id), e.set_label, e.prompt_id, e.tokens, e.layers, e.experts, e.k, e.offset,
      e.frame_bytes);
}

void RowWriter::add(const std::string& model_id, const std::string& test_id, const record::Checkpoint& c) {
  execute(
      "INSERT INTO checkpoints (model_key, test_id, at_ns, segment, active_seconds, requests_ok, "
      "requests_failed, prompt_tokens, completion_tokens, replies_looping, error_bursts, deaths, "
      "threads_json, "
      "interval_seconds, decode_tok_s, context_tokens, text_diversity, private_bytes, private_bytes_max, "
      "own_private_bytes, own_rss_bytes, others_cpu_cores) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      key_of(model_id), test_id, c.at, c.segment, c.active_seconds, c.requests_ok, c.requests_failed,
      c.prompt_tokens, c.completion_tokens, c.replies_looping, c.error_bursts, c.deaths,
      threads_to_json(c.threads), c.interval_seconds, c.decode_tok_s, c.context_tokens, c.text_diversity,
      c.private_bytes, c.private_bytes_max, c.own_private_bytes, c.own_rss_bytes, c.others_cpu_cores);
}

void RowWriter::add(const Part& part) {
  const std::optional<base::Duration> gap_from =
      part.gap_from < base::Duration{0} ? std::nullopt : std::optional(part.gap_from);
  execute("INSERT INTO parts (at_ns, wall_ns, gap_from_ns) VALUES (?, ?, ?)", part.at,
          part.wall.time_since_epoch(), gap_from);
}

void RowWriter::add(const ModelFile& file) {
  execute("INSERT OR REPLACE INTO model_files (path, bytes, modified_ns) VALUES (?, ?, ?)", file.path,
          file.bytes, file.modified_ns);
}

void RowWriter::set_model_state(const std::string& model_id, const std::string& json) {
  execute("INSERT OR REPLACE INTO model_states (model_key, state_json) VALUES (?, ?)", key_of(model_id),
          json);
}

void RowWriter::set_aside(const std::string& kept_test, base::Duration kept_until) {
  execute(
      "UPDATE outcomes SET test_id = test_id || ' (cut off)' WHERE key > (SELECT outcomes_key FROM marks) "
      "AND test_id NOT LIKE '% (cut off)' AND (test_id <> ? OR done_ns > ?)",
      kept_test, kept_until);
  execute("DELETE FROM routing WHERE key > (SELECT routing_key FROM marks)");
}

void RowWriter::clear_conclusions(const std::string& model_id) {
  const std::int64_t key = key_of(model_id);
  execute("DELETE FROM criteria WHERE model_key = ?", key);
  execute("DELETE FROM recommendations WHERE model_key = ?", key);
}

void RowWriter::reopen() { execute("UPDATE run SET verdict = '', reason = '', ended = ''"); }

void RowWriter::set_environment(const std::string& json) {
  execute("UPDATE run SET environment_json = ?", json);
}

void RowWriter::set_target(const std::string& json) { execute("UPDATE run SET target_json = ?", json); }

void RowWriter::end(const std::string& verdict, const std::string& reason, const std::string& ended) {
  execute("UPDATE run SET verdict = ?, reason = ?, ended = ?", verdict, reason, ended);
}

void write_schema(SQLite::Database& database, const RunInfo& info) {
  database.exec(
      fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {};", kApplicationId, kSchemaVersion));
  SQLite::Transaction transaction(database);
  database.exec(kSchema);
  database.exec(kSchemaOfResumption);
  SQLite::Statement insert(database, "INSERT INTO run VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  insert.bind(1, info.id);
  insert.bind(2, info.suite);
  insert.bind(3, info.scale);
  insert.bind(4, static_cast<std::int64_t>(info.seed));
  insert.bind(5, info.started);
  insert.bind(6, info.ended);
  insert.bind(7, info.verdict);
  insert.bind(8, info.version);
  insert.bind(9, info.reason);
  insert.bind(10, info.environment_json);
  insert.bind(11, info.target_json);
  insert.exec();
  transaction.commit();
}

void upgrade_schema(SQLite::Database& database) {
  const int version = database.execAndGet("PRAGMA user_version").getInt();
  if (version == kSchemaVersion) return;
  SQLite::Transaction transaction(database);
  if (version == 1) {
    database.exec(kSchemaOfResumption);
    // Version 1 did not mark how far finished tests go: by its order of writing, as far as it goes.
    database.exec(
        "UPDATE marks SET outcomes_key = (SELECT coalesce(max(key), 0) FROM outcomes WHERE test_id IN "
        "(SELECT id FROM tests)), routing_key = (SELECT coalesce(max(key), 0) FROM routing)");
  } else {
    database.exec(kSchemaOfOthersCpu);
  }
  database.exec(fmt::format("PRAGMA user_version = {}", kSchemaVersion));
  transaction.commit();
}

}  // namespace moestress::store
