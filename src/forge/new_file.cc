#include "forge/new_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "base/text.h"

namespace moestress::forge {

NewFile::NewFile(const std::string& path)
    : path_(path), partial_(fmt::format("{}.partial-{}", path, ::getpid())) {}

NewFile::NewFile(NewFile&& other) noexcept
    : path_(std::move(other.path_)),
      partial_(std::exchange(other.partial_, {})),
      file_(std::move(other.file_)),
      written_(other.written_) {}

NewFile::~NewFile() {
  if (partial_.empty()) return;
  file_.reset();
  std::remove(partial_.c_str());
}

base::Result<NewFile> NewFile::create(const std::string& path) {
  NewFile file(path);
  file.file_.reset(std::fopen(file.partial_.c_str(), "wb"));
  if (!file.file_) {
    const int error = errno;
    const std::string partial = std::exchange(file.partial_, {});
    return base::fail(base::ErrorCode::Io, "can't create {}: {}", partial, std::strerror(error));
  }
  return file;
}

base::Status NewFile::write(const void* data, std::size_t bytes) {
  if (std::fwrite(data, 1, bytes, file_.get()) != bytes) return failed("write");
  written_ += bytes;
  return {};
}

base::Status NewFile::pad(std::size_t alignment) {
  const std::size_t past = written_ % alignment;
  if (past == 0) return {};
  const std::vector<char> zeros(alignment - past);
  return write(zeros.data(), zeros.size());
}

base::Status NewFile::commit() {
  // A full disk may show only when the last buffer is written out.
  if (std::fflush(file_.get()) != 0) return failed("write");
  if (std::fclose(file_.release()) != 0) return failed("close");
  if (std::rename(partial_.c_str(), path_.c_str()) != 0) return failed("rename");
  partial_.clear();
  return {};
}

base::Status NewFile::failed(const char* what) const {
  const int error = errno;
  return base::fail(base::ErrorCode::Io, "can't {} {} after {}: {}{}", what, partial_,
                    base::human_bytes(static_cast<double>(written_)), std::strerror(error),
                    error == ENOSPC ? "; free some space or name another folder" : "");
}

}  // namespace moestress::forge
