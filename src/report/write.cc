#include "report/write.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <functional>
#include <string_view>
#include <utility>

#include "report/html_report.h"
#include "report/junit.h"
#include "report/openmetrics.h"
#include "report/result_json.h"
#include "report/summary_markdown.h"

namespace moestress::report {
namespace {

std::string os_error() { return std::strerror(errno); }

base::Status write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return base::fail(base::ErrorCode::Io, "{}", os_error());
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(file) != 0) return base::fail(base::ErrorCode::Io, "{}", os_error());
  return {};
}

/// `path` appears whole or stays what it was: written beside it under another name, then renamed.
base::Status write_file(const std::string& path, std::string_view text) {
  const std::string temporary = fmt::format("{}.{}.tmp", path, ::getpid());
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return base::fail(base::ErrorCode::Io, "{}: {}", path, os_error());
  base::Status status = write_all(file, text);
  if (::close(file) != 0 && status) status = base::fail(base::ErrorCode::Io, "{}", os_error());
  if (status && std::rename(temporary.c_str(), path.c_str()) != 0)
    status = base::fail(base::ErrorCode::Io, "{}", os_error());
  if (status) return {};
  ::unlink(temporary.c_str());
  return base::within(path, std::move(status.error()));
}

}  // namespace

base::Status write_reports(const ReportInput& input, const std::string& out_directory) {
  std::error_code error;
  std::filesystem::create_directories(out_directory, error);
  if (error)
    return base::fail(base::ErrorCode::Io, "{}: {}; name a directory that can be written with -o",
                      out_directory, error.message());
  const std::pair<const char*, std::function<std::string(const ReportInput&)>> files[] = {
      {"result.json", result_json_text}, {"report.html", html_report},       {"summary.md", summary_markdown},
      {"junit.xml", junit_xml},          {"metrics.prom", openmetrics_text},
  };
  std::string failures;
  for (const auto& [name, text_of] : files) {
    const std::string path = out_directory + "/" + name;
    base::Status status;
    try {
      status = write_file(path, text_of(input));
    } catch (const std::exception& e) {  // the JSON library's, or no memory: the other files are smaller
      status = base::fail(base::ErrorCode::Internal, "{}: {}", path, e.what());
    }
    if (!status) failures += (failures.empty() ? "" : "; ") + status.error().message;
  }
  if (!failures.empty())
    return base::fail(base::ErrorCode::Io, "reports that could not be written: {}", failures);
  return {};
}

}  // namespace moestress::report
