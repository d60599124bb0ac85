#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace moestress::probe {

struct PageCacheResidency {
  std::int64_t file_bytes = 0;
  std::int64_t resident_bytes = 0;  ///< whole pages; the last one counts only up to the file's end
};

/// How much of a file is in the page cache, by mincore(2); 0.3–1 ms per GiB. Reads nothing of the file
/// itself. Errors: Io (can't open), Unsupported (the file is neither ours nor writable: since Linux 5.2 the
/// kernel then says "all of it", which is no measurement).
base::Result<PageCacheResidency> page_cache_residency(const std::string& path);

}  // namespace moestress::probe
