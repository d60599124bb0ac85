#include "base/fd.h"

#include <fcntl.h>
#include <unistd.h>

namespace moestress::base {

Fd::Fd(int fd) : fd_(fd) {
  if (fd_ < 0 || fd_ > 2) return;
  fd_ = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  close(fd);
}

void Fd::reset() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

}  // namespace moestress::base
