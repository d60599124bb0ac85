#include "store/schema.h"

namespace moestress::store {

// Times are nanoseconds since the run's first instant; -1: it never happened. NULL: could not be read.
const char* const kSchema = R"sql(
CREATE TABLE run (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  id TEXT NOT NULL, suite TEXT NOT NULL, scale REAL, seed INTEGER NOT NULL,
  started TEXT NOT NULL, ended TEXT NOT NULL, verdict TEXT NOT NULL, version TEXT NOT NULL, reason TEXT NOT NULL,
  environment_json TEXT NOT NULL, target_json TEXT NOT NULL
) STRICT;
CREATE TABLE models (
  key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
  path TEXT NOT NULL DEFAULT '', architecture TEXT NOT NULL DEFAULT '',
  layers INTEGER NOT NULL DEFAULT 0, experts INTEGER NOT NULL DEFAULT 0,
  experts_used INTEGER NOT NULL DEFAULT 0, experts_shared INTEGER NOT NULL DEFAULT 0,
  placement TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE tests (
  key INTEGER PRIMARY KEY, model_key INTEGER NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL,
  verdict TEXT NOT NULL, reason TEXT NOT NULL, seconds REAL,
  metrics_json TEXT NOT NULL, findings_json TEXT NOT NULL, tables_json TEXT NOT NULL,
  UNIQUE (model_key, id)
) STRICT;
CREATE TABLE criteria (
  key INTEGER PRIMARY KEY, model_key INTEGER NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL,
  threshold TEXT NOT NULL, measured REAL, unit TEXT NOT NULL, evidence TEXT NOT NULL,
  verdict TEXT NOT NULL, reason TEXT NOT NULL,
  UNIQUE (model_key, id)
) STRICT;
CREATE TABLE checks (
  key INTEGER PRIMARY KEY, model_key INTEGER NOT NULL, expression TEXT NOT NULL, test TEXT NOT NULL,
  measured REAL, unit TEXT NOT NULL, n INTEGER NOT NULL, verdict TEXT NOT NULL, reason TEXT NOT NULL,
  UNIQUE (model_key, expression)
) STRICT;
CREATE TABLE estimates (
  model_id TEXT NOT NULL, test_id TEXT NOT NULL, seconds REAL NOT NULL, PRIMARY KEY (model_id, test_id)
) STRICT;
CREATE TABLE recommendations (
  key INTEGER PRIMARY KEY, model_key INTEGER NOT NULL,
  setting TEXT NOT NULL, change TEXT NOT NULL, expected TEXT NOT NULL, evidence TEXT NOT NULL
) STRICT;
CREATE TABLE outcomes (
  key INTEGER PRIMARY KEY, model_key INTEGER NOT NULL, test_id TEXT NOT NULL,
  request INTEGER NOT NULL, session INTEGER NOT NULL, endpoint TEXT NOT NULL, label TEXT NOT NULL,
  ending TEXT NOT NULL, detail TEXT NOT NULL, http_status INTEGER NOT NULL, finish_reason TEXT NOT NULL,
  planned_ns INTEGER NOT NULL, sent_ns INTEGER NOT NULL, first_byte_ns INTEGER NOT NULL,
  first_text_ns INTEGER NOT NULL, last_text_ns INTEGER NOT NULL, done_ns INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,
  claimed_prompt_tokens INTEGER, claimed_completion_tokens INTEGER,
  claimed_prompt_ms REAL, claimed_decode_ms REAL,
  text TEXT NOT NULL, text_bytes INTEGER NOT NULL, reasoning_bytes INTEGER NOT NULL,
  chunk_times BLOB NOT NULL, chunks INTEGER NOT NULL
) STRICT;
CREATE INDEX outcomes_by_test ON outcomes (model_key, test_id);
CREATE TABLE process_samples (
  key INTEGER PRIMARY KEY, model_key INTEGER NOT NULL, at_ns INTEGER NOT NULL, series INTEGER NOT NULL,
  processes INTEGER NOT NULL, rss_anon_bytes INTEGER NOT NULL, rss_file_bytes INTEGER NOT NULL,
  rss_shmem_bytes INTEGER NOT NULL, swap_bytes INTEGER NOT NULL, cpu_time_ns INTEGER NOT NULL,
  threads INTEGER NOT NULL, fds INTEGER, read_bytes INTEGER, written_bytes INTEGER
) STRICT;
CREATE INDEX process_samples_by_time ON process_samples (model_key, at_ns);
CREATE TABLE host_samples (
  key INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL,
  memory_total_bytes INTEGER NOT NULL, memory_available_bytes INTEGER NOT NULL,
  page_cache_bytes INTEGER NOT NULL, swap_used_bytes INTEGER NOT NULL, cpu_busy_ns INTEGER NOT NULL,
  memory_pressure_some REAL, cpu_pressure_some REAL, io_pressure_some REAL,
  cgroup_used_bytes INTEGER, cgroup_limit_bytes INTEGER
) STRICT;
CREATE INDEX host_samples_by_time ON host_samples (at_ns);
CREATE TABLE device_samples (
  key INTEGER PRIMARY KEY, model_key INTEGER NOT NULL, at_ns INTEGER NOT NULL,
  device TEXT NOT NULL, source TEXT NOT NULL,
  used_bytes INTEGER, process_bytes INTEGER, utilisation REAL, power_watts REAL,
  total_bytes INTEGER, reserved_bytes INTEGER, energy_joules REAL
) STRICT;
CREATE INDEX device_samples_by_time ON device_samples (model_key, at_ns);
CREATE TABLE events (
  key INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL
) STRICT;
CREATE TABLE routing (
  key INTEGER PRIMARY KEY, model_key INTEGER NOT NULL, set_label TEXT NOT NULL, prompt_id TEXT NOT NULL,
  tokens INTEGER NOT NULL, layers INTEGER NOT NULL, experts INTEGER NOT NULL, k INTEGER NOT NULL,
  file_offset INTEGER NOT NULL, frame_bytes INTEGER NOT NULL
) STRICT;
)sql";

// `parts` are the unbroken stretches in which moestress ran: at_ns is the first instant of one, gap_from_ns
// the last that was recorded before it. `marks` says how far the rows of finished tests go. `model_states`
// are the rig's.
const char* const kSchemaOfResumption = R"sql(
CREATE TABLE parts (
  key INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, wall_ns INTEGER NOT NULL, gap_from_ns INTEGER
) STRICT;
CREATE TABLE marks (
  only INTEGER PRIMARY KEY CHECK (only = 1), outcomes_key INTEGER NOT NULL, routing_key INTEGER NOT NULL
) STRICT;
INSERT INTO marks VALUES (1, 0, 0);
CREATE TABLE model_files (
  path TEXT PRIMARY KEY, bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL
) STRICT;
CREATE TABLE model_states (
  model_key INTEGER PRIMARY KEY, state_json TEXT NOT NULL
) STRICT;
CREATE TABLE checkpoints (
  key INTEGER PRIMARY KEY, model_key INTEGER NOT NULL, test_id TEXT NOT NULL,
  at_ns INTEGER NOT NULL, segment INTEGER NOT NULL, active_seconds REAL NOT NULL,
  requests_ok INTEGER NOT NULL, requests_failed INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,
  replies_looping INTEGER NOT NULL, error_bursts INTEGER NOT NULL, deaths INTEGER NOT NULL,
  threads_json TEXT NOT NULL, interval_seconds REAL NOT NULL,
  decode_tok_s REAL, context_tokens REAL, text_diversity REAL,
  private_bytes INTEGER, private_bytes_max INTEGER, own_private_bytes INTEGER, own_rss_bytes INTEGER,
  others_cpu_cores REAL
) STRICT;
CREATE INDEX checkpoints_by_test ON checkpoints (model_key, test_id);
)sql";

const char* const kSchemaOfOthersCpu = "ALTER TABLE checkpoints ADD COLUMN others_cpu_cores REAL";

}  // namespace moestress::store
