#include "gguf/reader.h"

#include <algorithm>

namespace moestress::gguf {

base::Status Reader::copy(std::span<char> into, const std::string& what) {
  if (into.size() > remaining())
    return error(offset_, "the file ends inside {}: it is truncated, or not what its name says", what);
  while (!into.empty()) {
    if (offset_ < window_begin_ || offset_ >= window_begin_ + window_bytes_) {
      const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(window_.size(), remaining()));
      window_begin_ = offset_;
      window_bytes_ = read_at_(offset_, {window_.data(), wanted});
      if (window_bytes_ == 0)
        return base::fail(base::ErrorCode::Io,
                          "{}: can't read at offset {}: {} bytes were there when it was opened", path_,
                          offset_, file_bytes_);
    }
    const auto at = static_cast<std::size_t>(offset_ - window_begin_);
    const std::size_t bytes = std::min(into.size(), window_bytes_ - at);
    std::memcpy(into.data(), window_.data() + at, bytes);
    into = into.subspan(bytes);
    offset_ += bytes;
  }
  return {};
}

}  // namespace moestress::gguf
