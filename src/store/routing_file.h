#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "base/result.h"
#include "record/routing.h"

namespace moestress::store {

/// routing.bin while it is written; made, or gone on with, when the first frame comes. Owned by the run's
/// writer; any thread may call.
class RoutingFile {
 public:
  /// `existing`: what is in the file stays, and frames follow it. Otherwise there must be none.
  explicit RoutingFile(std::string path, bool existing = false);
  ~RoutingFile();
  RoutingFile(const RoutingFile&) = delete;
  RoutingFile& operator=(const RoutingFile&) = delete;

  /// Appends a frame and gives its offset. Errors: Io (the system's message alone).
  base::Result<std::uint64_t> append(std::string_view frame);
  /// Waits until every frame appended before is on disk. Errors: as append.
  base::Status sync();

 private:
  std::mutex mutex_;
  std::string path_;
  const bool existing_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
  bool dirty_ = false;
};

/// The frame of `frame_bytes` at `offset` of the file. Errors: Io (no such file), Format (damaged), each with
/// path and offset.
base::Result<record::RoutingTrace> read_frame(const std::string& path, std::uint64_t offset,
                                              std::uint64_t frame_bytes);

}  // namespace moestress::store
