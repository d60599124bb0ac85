#include "store/routing_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "store/routing_frame.h"

namespace moestress::store {

using base::ErrorCode;

RoutingFile::RoutingFile(std::string path, bool existing) : path_(std::move(path)), existing_(existing) {}

RoutingFile::~RoutingFile() {
  if (fd_ >= 0) ::close(fd_);
}

base::Result<std::uint64_t> RoutingFile::append(std::string_view frame) {
  std::lock_guard lock(mutex_);
  if (fd_ < 0) {
    fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | (existing_ ? 0 : O_EXCL) | O_CLOEXEC, 0644);
    if (fd_ < 0) return base::fail(ErrorCode::Io, "{}", std::strerror(errno));
    const off_t end = ::lseek(fd_, 0, SEEK_END);
    if (end < 0) return base::fail(ErrorCode::Io, "{}", std::strerror(errno));
    size_ = static_cast<std::uint64_t>(end);
  }
  const std::uint64_t offset = size_;
  while (!frame.empty()) {
    const ssize_t written = ::pwrite(fd_, frame.data(), frame.size(), static_cast<off_t>(size_));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return base::fail(ErrorCode::Io, "{}", std::strerror(written < 0 ? errno : ENOSPC));
    size_ += static_cast<std::uint64_t>(written);
    frame.remove_prefix(static_cast<std::size_t>(written));
  }
  dirty_ = true;
  return offset;
}

base::Status RoutingFile::sync() {
  std::lock_guard lock(mutex_);
  if (!dirty_) return {};
  dirty_ = false;
  if (::fdatasync(fd_) != 0) return base::fail(ErrorCode::Io, "{}", std::strerror(errno));
  return {};
}

base::Result<record::RoutingTrace> read_frame(const std::string& path, std::uint64_t offset,
                                              std::uint64_t frame_bytes) {
  const std::string place = fmt::format("{} at offset {}", path, offset);
  std::ifstream file(path, std::ios::binary);
  if (!file) return base::fail(ErrorCode::Io, "{}: cannot be opened", path);
  const auto read = [&](std::uint64_t size) {
    std::string bytes(size, '\0');
    file.read(bytes.data(), static_cast<std::streamsize>(size));
    bytes.resize(static_cast<std::size_t>(file.gcount()));
    return bytes;
  };
  file.seekg(static_cast<std::streamoff>(offset));
  auto header = decode_frame_header(read(kFrameHeaderBytes));
  if (!header) return base::within(place, std::move(header.error()));
  if (header->compressed_bytes + kFrameHeaderBytes != frame_bytes)
    return base::fail(ErrorCode::Format, "{}: the frame has {} bytes where the index says {}", place,
                      header->compressed_bytes + kFrameHeaderBytes, frame_bytes);
  auto trace = decode_frame_payload(*header, read(header->compressed_bytes));
  if (!trace) return base::within(place, std::move(trace.error()));
  return trace;
}

}  // namespace moestress::store
