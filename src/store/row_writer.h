#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "record/checkpoint.h"
#include "record/outcome.h"
#include "record/result.h"
#include "record/sample.h"
#include "store/run_info.h"

namespace moestress::store {

/// An outcome as it is stored: without its chunks, and with its text cut.
struct StoredOutcome {
  record::Outcome outcome;
  std::size_t text_bytes = 0;  ///< before it was cut
  std::string chunk_times;
  std::size_t chunks = 0;
};

/// The statements that put rows into run.db. Owned by the writer's thread. Every call may throw
/// SQLite::Exception, which ends in RunWriter.
class RowWriter {
 public:
  /// `database` outlives it and has the schema.
  explicit RowWriter(SQLite::Database& database);

  void add(const record::ModelResult& model);
  void add(const std::string& model_id, const record::TestResult& test);
  void add(const std::string& model_id, const record::CriterionResult& criterion);
  void add(const std::string& model_id, const record::CheckResult& check);
  void add_estimate(const std::string& model_id, const std::string& test_id, double seconds);
  void add(const std::string& model_id, const record::Recommendation& recommendation);
  void add(const std::string& model_id, const std::string& test_id, const StoredOutcome& stored);
  void add(const std::string& model_id, const record::ProcessSample& sample);
  void add(const record::HostSample& sample);
  void add(const std::string& model_id, const record::DeviceSample& sample);
  void add(const Event& event);
  void add(const RoutingEntry& entry);
  void add(const std::string& model_id, const std::string& test_id, const record::Checkpoint& checkpoint);
  void add(const Part& part);
  void add(const ModelFile& file);
  void set_model_state(const std::string& model_id, const std::string& json);
  /// All that is there so far belongs to tests that are finished.
  void mark_finished();
  /// Sets aside what is there of a test that was cut off: outcomes after the last finished test and after
  /// `kept_until` of those of `kept_test` are renamed to "<test> (cut off)", routing after it is left out.
  void set_aside(const std::string& kept_test, base::Duration kept_until);
  void clear_conclusions(const std::string& model_id);
  void reopen();
  void set_environment(const std::string& json);
  void set_target(const std::string& json);
  void end(const std::string& verdict, const std::string& reason, const std::string& ended);

 private:
  /// The model's row, made if nobody has added the model yet: a figure is never lost over the order of calls.
  std::int64_t key_of(const std::string& model_id);
  /// A statement by its text, prepared once.
  SQLite::Statement& prepared(std::string_view sql);
  template <class... Values>
  void execute(std::string_view sql, const Values&... values);

  SQLite::Database& database_;
  std::map<std::string, std::int64_t> model_keys_;
  std::map<std::string_view, SQLite::Statement> statements_;
};

/// Makes the schema in a new database and the one row of `run`.
void write_schema(SQLite::Database& database, const RunInfo& info);
/// Brings a database of an older version up to this one.
void upgrade_schema(SQLite::Database& database);

}  // namespace moestress::store
