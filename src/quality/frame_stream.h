#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "base/result.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace moestress::quality {

/// Writes checksummed zstd frames of little-endian values, one after the other. Owns the file. One thread.
class FrameWriter {
 public:
  static base::Result<std::unique_ptr<FrameWriter>> create(const std::string& path);
  ~FrameWriter();

  base::Status put(const void* bytes, std::size_t size);
  template <class T>
  base::Status put(const T& value) {
    static_assert(std::is_arithmetic_v<T>);
    return put(&value, sizeof value);
  }
  template <class T>
  base::Status put_all(const std::vector<T>& values) {
    static_assert(std::is_arithmetic_v<T>);
    return put(values.data(), values.size() * sizeof(T));
  }
  base::Status end_frame();
  base::Status close();

 private:
  FrameWriter() = default;
  base::Status compress(const void* bytes, std::size_t size, bool end);
  base::Status failed(const char* what) const;

  std::string path_;
  std::FILE* file_ = nullptr;
  ZSTD_CCtx_s* context_ = nullptr;
  std::vector<char> out_;
};

/// Reads them. Owns the file. One thread. Errors: Io, Format (cut off, corrupt, frame shorter or longer than
/// asked for); a checksum that does not match is found at end_frame at the latest.
class FrameReader {
 public:
  static base::Result<std::unique_ptr<FrameReader>> open(const std::string& path);
  ~FrameReader();

  base::Status get(void* bytes, std::size_t size);
  template <class T>
  base::Status get(T& value) {
    static_assert(std::is_arithmetic_v<T>);
    return get(&value, sizeof value);
  }
  /// Grows as bytes arrive: a size that a file merely claims takes no memory.
  template <class T>
  base::Status get_all(std::vector<T>& values, std::size_t count) {
    static_assert(std::is_arithmetic_v<T>);
    constexpr std::size_t kStep = (std::size_t{1} << 22) / sizeof(T);
    values.clear();
    while (values.size() < count) {
      const std::size_t have = values.size();
      const std::size_t step = count - have < kStep ? count - have : kStep;
      values.resize(have + step);
      MOESTRESS_TRY_STATUS(get(values.data() + have, step * sizeof(T)));
    }
    return {};
  }
  /// Holds that the frame has nothing more, and that its checksum is right.
  base::Status end_frame();
  /// Whether the file ends here. Between frames only.
  base::Result<bool> at_end();
  const std::string& path() const { return path_; }

 private:
  FrameReader() = default;
  base::Status decompress(void* bytes, std::size_t size, std::size_t& made);
  base::Status fill();

  std::string path_;
  std::FILE* file_ = nullptr;
  ZSTD_DCtx_s* context_ = nullptr;
  std::vector<char> in_;
  std::size_t in_begin_ = 0;
  std::size_t in_end_ = 0;
  bool frame_done_ = true;
};

}  // namespace moestress::quality
