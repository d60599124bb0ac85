#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "record/checkpoint.h"
#include "record/outcome.h"
#include "record/result.h"
#include "record/sample.h"

namespace moestress::store {

// Rows of run.db as values. Each kind has the columns to select and the function that reads a row of exactly
// these. Calls may throw SQLite::Exception, which ends in RunReader.

extern const char* const kOutcomeColumns;
extern const char* const kProcessSampleColumns;
extern const char* const kHostSampleColumns;
extern const char* const kDeviceSampleColumns;
extern const char* const kTestColumns;
extern const char* const kCriterionColumns;
extern const char* const kCheckpointColumns;

/// The test that an outcome belongs to is column 0.
base::Result<record::Outcome> outcome_of(SQLite::Statement& row);
record::ProcessSample process_sample_of(SQLite::Statement& row);
record::HostSample host_sample_of(SQLite::Statement& row);
record::DeviceSample device_sample_of(SQLite::Statement& row);
base::Result<record::TestResult> test_of(SQLite::Statement& row);
base::Result<record::CriterionResult> criterion_of(SQLite::Statement& row);
base::Result<record::Checkpoint> checkpoint_of(SQLite::Statement& row);

std::string text_at(SQLite::Statement& row, int column);
std::int64_t int64_at(SQLite::Statement& row, int column);
int int_at(SQLite::Statement& row, int column);
base::Duration time_at(SQLite::Statement& row, int column);
/// NULL is NaN, which is what SQLite makes of it.
double double_at(SQLite::Statement& row, int column);
std::optional<double> optional_double_at(SQLite::Statement& row, int column);
std::optional<std::int64_t> optional_int64_at(SQLite::Statement& row, int column);

}  // namespace moestress::store
