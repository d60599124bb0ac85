#pragma once

namespace moestress::store {

/// "MOST" as SQLite's application_id: tells a run from any other database.
inline constexpr int kApplicationId = 0x4D4F5354;
/// SQLite's user_version. Raised when a reader of the old schema could misread the new one.
inline constexpr int kSchemaVersion = 3;
/// The oldest that is still read, and brought up to date when a run is gone on with.
inline constexpr int kSchemaVersionMin = 1;

extern const char* const kSchema;
/// What there is since version 2: what it takes to go on with a run that was cut off.
extern const char* const kSchemaOfResumption;
/// What version 3 added to the table "checkpoints" of version 2.
extern const char* const kSchemaOfOthersCpu;

}  // namespace moestress::store
