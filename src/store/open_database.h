#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <memory>
#include <string>

#include "base/result.h"

namespace moestress::store {

/// A run's database opened for reading, and the private copy it may be of. Owned by a RunReader.
class OpenedDatabase {
 public:
  /// Opens `directory`/run.db, replaying a write-ahead log that a killed run left. Where the directory can't
  /// be written and SQLite therefore can't make its shared-memory file: without a log, the file is read as it
  /// is; with one, both are copied to a temporary folder. Errors: Io, Format (no run's database, or a newer
  /// one).
  static base::Result<OpenedDatabase> open(const std::string& directory);

  SQLite::Database& get() const { return *database_; }

 private:
  struct TemporaryFolder {
    explicit TemporaryFolder(std::string p) : path(std::move(p)) {}
    ~TemporaryFolder();
    std::string path;
  };
  std::unique_ptr<TemporaryFolder> copy_;  ///< before the database: it is closed first
  std::unique_ptr<SQLite::Database> database_;
};

}  // namespace moestress::store
