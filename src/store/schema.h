#pragma once

namespace moestress::store {

/// "MOST" as SQLite's application_id: tells a run from any other database.
inline constexpr int kApplicationId = 0x4D4F5354;
/// SQLite's user_version. Raised when a reader of the old schema could misread the new one.
inline constexpr int kSchemaVersion = 1;

extern const char* const kSchema;

}  // namespace moestress::store
