#include "store/directory_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace moestress::store {

using base::ErrorCode;

base::Result<DirectoryLock> DirectoryLock::acquire(const std::string& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return base::fail(ErrorCode::Io, "{}: cannot be opened: {}", directory, std::strerror(errno));
  DirectoryLock lock(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK)
    return base::fail(ErrorCode::Usage,
                      "{}: this run is still going: another moestress writes into it. Wait for its end, or "
                      "look at it as it goes with `moestress report {}`",
                      directory, directory);
  return base::fail(ErrorCode::Io, "{}: cannot be locked: {}", directory, std::strerror(errno));
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

DirectoryLock& DirectoryLock::operator=(DirectoryLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

DirectoryLock::~DirectoryLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace moestress::store
