#include "probe/page_cache.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

namespace moestress::probe {
namespace {

using base::ErrorCode;

constexpr std::int64_t kWindowBytes = std::int64_t{1} << 30;

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

/// Whether the kernel tells us the truth (mm/mincore.c, can_do_mincore): the file is ours, or we may write to
/// it.
bool is_told(const std::string& path, const struct stat& info) {
  return ::geteuid() == 0 || info.st_uid == ::geteuid() ||
         ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0;
}

}  // namespace

base::Result<PageCacheResidency> page_cache_residency(const std::string& path) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info {};
  if (file.fd() < 0 || ::fstat(file.fd(), &info) != 0)
    return base::fail(ErrorCode::Io, "{}: cannot be opened: {}", path, std::strerror(errno));
  if (!S_ISREG(info.st_mode)) return base::fail(ErrorCode::Io, "{}: is not a file", path);
  if (!is_told(path, info))
    return base::fail(
        ErrorCode::Unsupported,
        "{}: is neither owned nor writable by this user, so the kernel does not tell which of its "
        "pages are cached; run as its owner",
        path);
  const std::int64_t page_bytes = ::sysconf(_SC_PAGESIZE);
  PageCacheResidency residency;
  residency.file_bytes = info.st_size;
  std::vector<unsigned char> pages;
  for (std::int64_t offset = 0; offset < info.st_size; offset += kWindowBytes) {
    const std::int64_t bytes = std::min<std::int64_t>(kWindowBytes, info.st_size - offset);
    pages.resize(static_cast<std::size_t>((bytes + page_bytes - 1) / page_bytes));
    void* window = ::mmap(nullptr, static_cast<std::size_t>(bytes), PROT_READ, MAP_SHARED, file.fd(), offset);
    if (window == MAP_FAILED)
      return base::fail(ErrorCode::Io, "{}: cannot be mapped: {}", path, std::strerror(errno));
    const int failed = ::mincore(window, static_cast<std::size_t>(bytes), pages.data());
    const int reason = errno;
    ::munmap(window, static_cast<std::size_t>(bytes));
    if (failed != 0) return base::fail(ErrorCode::Io, "{}: mincore: {}", path, std::strerror(reason));
    for (std::size_t i = 0; i < pages.size(); ++i)
      if ((pages[i] & 1) != 0)
        residency.resident_bytes += std::min(page_bytes, bytes - static_cast<std::int64_t>(i) * page_bytes);
  }
  return residency;
}

}  // namespace moestress::probe
