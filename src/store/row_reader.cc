#include "store/row_reader.h"

#include <limits>
#include <string_view>

#include "store/chunk_times.h"
#include "store/json_columns.h"

namespace moestress::store {
namespace {

using base::ErrorCode;
using SQLite::Statement;

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

}  // namespace

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
const char* const kOutcomeColumns =
    "test_id, request, session, endpoint, label, ending, detail, http_status, finish_reason, planned_ns, "
    "sent_ns, "
    "first_byte_ns, first_text_ns, last_text_ns, done_ns, prompt_tokens, completion_tokens, "
    "claimed_prompt_tokens, claimed_completion_tokens, claimed_prompt_ms, claimed_decode_ms, text, "
    "reasoning_bytes, chunk_times";

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

const char* const kProcessSampleColumns =
    "at_ns, series, processes, rss_anon_bytes, rss_file_bytes, rss_shmem_bytes, swap_bytes, cpu_time_ns, "
    "threads, "
    "fds, read_bytes, written_bytes";

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

const char* const kHostSampleColumns =
    "at_ns, memory_total_bytes, memory_available_bytes, page_cache_bytes, swap_used_bytes, cpu_busy_ns, "
    "memory_pressure_some, cpu_pressure_some, io_pressure_some, cgroup_used_bytes, cgroup_limit_bytes";

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

const char* const kDeviceSampleColumns =
    "at_ns, device, source, used_bytes, process_bytes, utilisation, power_watts, total_bytes, "
    "reserved_bytes, "
    "energy_joules";

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

const char* const kTestColumns =
    "id, name, verdict, reason, seconds, metrics_json, findings_json, tables_json";

base::Result<record::TestResult> test_of(Statement& row) {
  record::TestResult test;
  test.id = text_at(row, 0);
  test.name = text_at(row, 1);
  MOESTRESS_TRY(test.verdict, verdict_at(row, 2));
  test.reason = text_at(row, 3);
  test.seconds = double_at(row, 4);
  MOESTRESS_TRY(test.metrics, metrics_from_json(text_at(row, 5)));
  MOESTRESS_TRY(test.findings, findings_from_json(text_at(row, 6)));
  MOESTRESS_TRY(test.tables, tables_from_json(text_at(row, 7)));
  return test;
}

const char* const kCriterionColumns = "id, name, threshold, measured, unit, evidence, verdict, reason";

base::Result<record::CriterionResult> criterion_of(Statement& row) {
  record::CriterionResult criterion;
  criterion.id = text_at(row, 0);
  criterion.name = text_at(row, 1);
  criterion.threshold = text_at(row, 2);
  criterion.measured = optional_double_at(row, 3);
  criterion.unit = text_at(row, 4);
  criterion.evidence = text_at(row, 5);
  MOESTRESS_TRY(criterion.verdict, verdict_at(row, 6));
  criterion.reason = text_at(row, 7);
  return criterion;
}

// Followed by others_cpu_cores, or by NULL where the run is of a version that had none.
const char* const kCheckpointColumns =
    "at_ns, segment, active_seconds, requests_ok, requests_failed, prompt_tokens, completion_tokens, "
    "replies_looping, error_bursts, deaths, threads_json, interval_seconds, decode_tok_s, context_tokens, "
    "text_diversity, private_bytes, private_bytes_max, own_private_bytes, own_rss_bytes";

base::Result<record::Checkpoint> checkpoint_of(Statement& row) {
  record::Checkpoint c;
  c.at = time_at(row, 0);
  c.segment = int64_at(row, 1);
  c.active_seconds = double_at(row, 2);
  c.requests_ok = int64_at(row, 3);
  c.requests_failed = int64_at(row, 4);
  c.prompt_tokens = int64_at(row, 5);
  c.completion_tokens = int64_at(row, 6);
  c.replies_looping = int64_at(row, 7);
  c.error_bursts = int64_at(row, 8);
  c.deaths = int64_at(row, 9);
  MOESTRESS_TRY(c.threads, threads_from_json(text_at(row, 10)));
  c.interval_seconds = double_at(row, 11);
  c.decode_tok_s = optional_double_at(row, 12);
  c.context_tokens = optional_double_at(row, 13);
  c.text_diversity = optional_double_at(row, 14);
  c.private_bytes = optional_int64_at(row, 15);
  c.private_bytes_max = optional_int64_at(row, 16);
  c.own_private_bytes = optional_int64_at(row, 17);
  c.own_rss_bytes = optional_int64_at(row, 18);
  c.others_cpu_cores = optional_double_at(row, 19);
  return c;
}

}  // namespace moestress::store
