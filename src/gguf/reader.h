#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "base/result.h"
#include "gguf/file.h"

namespace moestress::gguf {

static_assert(std::endian::native == std::endian::little, "GGUF fields are read as they lie in the file");

/// Reads fields one after the other through a window of fixed size; every error names the field and its
/// offset. One owner, one thread.
class Reader {
 public:
  Reader(const ReadAt& read_at, std::uint64_t file_bytes, std::string path)
      : read_at_(read_at), file_bytes_(file_bytes), path_(std::move(path)), window_(kWindowBytes) {}

  std::uint64_t offset() const { return offset_; }
  std::uint64_t remaining() const { return file_bytes_ - offset_; }

  template <class T>
  base::Result<T> number(const std::string& what) {
    static_assert(std::is_arithmetic_v<T>);
    std::array<char, sizeof(T)> bytes{};
    MOESTRESS_TRY_STATUS(copy(bytes, what));
    return std::bit_cast<T>(bytes);
  }

  /// A string of at most `bytes_max` bytes.
  base::Result<std::string> string(const std::string& what, std::uint64_t bytes_max) {
    const std::uint64_t begin = offset_;
    MOESTRESS_TRY(const auto length, number<std::uint64_t>(what));
    if (length > remaining())
      return error(begin, "{} is said to be {} bytes long, but only {} follow", what, length, remaining());
    if (length > bytes_max)
      return error(begin, "{} is {} bytes long, and at most {} are read", what, length, bytes_max);
    std::string text(length, '\0');
    MOESTRESS_TRY_STATUS(copy(text, what));
    return text;
  }

  base::Status skip(std::uint64_t bytes, const std::string& what) {
    if (bytes > remaining())
      return error(offset_, "{} takes {} bytes, but only {} follow", what, bytes, remaining());
    offset_ += bytes;
    return {};
  }

  /// A Format error at `offset`.
  template <class... Args>
  tl::unexpected<base::Error> error(std::uint64_t offset, fmt::format_string<Args...> format,
                                    Args&&... args) const {
    return base::fail(base::ErrorCode::Format, "{}: offset {}: {}", path_, offset,
                      fmt::format(format, std::forward<Args>(args)...));
  }
  const std::string& path() const { return path_; }

 private:
  static constexpr std::size_t kWindowBytes = 1 << 16;

  base::Status copy(std::span<char> into, const std::string& what);

  const ReadAt& read_at_;
  std::uint64_t file_bytes_;
  std::string path_;
  std::uint64_t offset_ = 0;
  std::vector<char> window_;
  std::uint64_t window_begin_ = 0;
  std::size_t window_bytes_ = 0;
};

}  // namespace moestress::gguf
