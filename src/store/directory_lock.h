#pragma once

#include <string>

#include "base/result.h"

namespace moestress::store {

/// Says that a run writes into a directory. The kernel lets go of it when the process ends, however that
/// comes about; child processes don't inherit it. Movable; its owner's.
class DirectoryLock {
 public:
  /// Errors: Usage (another process holds it), Io (no such directory, or one that can't be locked).
  static base::Result<DirectoryLock> acquire(const std::string& directory);
  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&& other) noexcept;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace moestress::store
