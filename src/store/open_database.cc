#include "store/open_database.h"

#include <sqlite3.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "store/schema.h"

namespace moestress::store {
namespace {

using base::ErrorCode;
namespace fs = std::filesystem;

constexpr int kBusyTimeoutMs = 5000;

/// A path as SQLite's URI file names take it.
std::string uri_path(const std::string& path) {
  std::string out;
  for (const char c : path) {
    if (c == '?' || c == '#' || c == '%') {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out;
}

/// Opens and touches the file, so that what is wrong with it or its log shows now. May throw
/// SQLite::Exception.
std::unique_ptr<SQLite::Database> open_checked(const std::string& name, int flags) {
  auto database = std::make_unique<SQLite::Database>(name, flags, kBusyTimeoutMs);
  database->execAndGet("SELECT count(*) FROM sqlite_schema");
  return database;
}

bool lacks_shared_memory(const SQLite::Exception& error) {
  const int code = error.getErrorCode();
  return code == SQLITE_CANTOPEN || code == SQLITE_READONLY;
}

base::Error open_error(const std::string& path, const SQLite::Exception& error) {
  const bool damaged = error.getErrorCode() == SQLITE_NOTADB || error.getErrorCode() == SQLITE_CORRUPT;
  return {damaged ? ErrorCode::Format : ErrorCode::Io,
          fmt::format("{}: cannot be read: {}", path, error.what())};
}

base::Result<std::string> copy_to_temporary_folder(const std::string& path) {
  std::error_code error;
  std::string folder = (fs::temp_directory_path(error) / "moestress-run-XXXXXX").string();
  if (error || ::mkdtemp(folder.data()) == nullptr)
    return base::fail(
        ErrorCode::Io,
        "{}: its directory can't be written, and there is no temporary folder to copy it to; set TMPDIR",
        path);
  fs::copy_file(path, folder + "/run.db", error);
  if (!error) fs::copy_file(path + "-wal", folder + "/run.db-wal", error);
  if (error) {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
    return base::fail(ErrorCode::Io, "{}: cannot be copied to a temporary folder: {}", path, error.message());
  }
  return folder;
}

base::Status check_schema(SQLite::Database& database, const std::string& path) {
  if (database.execAndGet("PRAGMA application_id").getInt() != kApplicationId)
    return base::fail(ErrorCode::Format, "{}: is a database, but not one of a run", path);
  const int version = database.execAndGet("PRAGMA user_version").getInt();
  if (version < kSchemaVersionMin || version > kSchemaVersion)
    return base::fail(
        ErrorCode::Format,
        "{}: has schema version {}, this moestress reads versions {} to {}; read it with the moestress "
        "that wrote it",
        path, version, kSchemaVersionMin, kSchemaVersion);
  return {};
}

}  // namespace

OpenedDatabase::TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

base::Result<OpenedDatabase> OpenedDatabase::open(const std::string& directory) {
  const std::string path = directory + "/run.db";
  std::error_code missing;
  if (!fs::exists(path, missing))
    return base::fail(ErrorCode::Io, "{}: holds no run (there is no run.db in it)", directory);
  OpenedDatabase opened;
  try {
    try {
      opened.database_ = open_checked(path, SQLite::OPEN_READONLY);
    } catch (const SQLite::Exception& error) {
      if (!lacks_shared_memory(error)) throw;
      std::error_code ignored;
      const auto log_bytes = fs::file_size(path + "-wal", ignored);
      if (ignored || log_bytes == 0) {
        opened.database_ = open_checked("file:" + uri_path(fs::absolute(path).string()) + "?immutable=1",
                                        SQLite::OPEN_READONLY | SQLite::OPEN_URI);
      } else {
        MOESTRESS_TRY(std::string folder, copy_to_temporary_folder(path));
        opened.copy_ = std::make_unique<TemporaryFolder>(folder);
        // Writable, so that the copied log can be replayed.
        opened.database_ = open_checked(folder + "/run.db", SQLite::OPEN_READWRITE);
      }
    }
    MOESTRESS_TRY_STATUS(check_schema(*opened.database_, path));
  } catch (const SQLite::Exception& error) {
    return tl::unexpected(open_error(path, error));
  }
  return opened;
}

}  // namespace moestress::store
