#include "quality/frame_stream.h"

#include <zstd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace moestress::quality {
namespace {

using base::ErrorCode;
using base::fail;

static_assert(std::endian::native == std::endian::little,
              "score files are little-endian and written as they lie");

constexpr int kLevel = 1;       // logits hardly compress; more effort gains nothing
constexpr int kWindowLog = 23;  // 8 MiB at most for a reader, whatever a file says

std::string system_message() { return std::strerror(errno); }

}  // namespace

base::Result<std::unique_ptr<FrameWriter>> FrameWriter::create(const std::string& path) {
  std::unique_ptr<FrameWriter> writer(new FrameWriter);
  writer->path_ = path;
  writer->file_ = std::fopen(path.c_str(), "wbe");
  if (!writer->file_) return fail(ErrorCode::Io, "{}: can't be created: {}", path, system_message());
  writer->context_ = ZSTD_createCCtx();
  if (!writer->context_) return fail(ErrorCode::Io, "{}: not enough memory to compress", path);
  ZSTD_CCtx_setParameter(writer->context_, ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(writer->context_, ZSTD_c_checksumFlag, 1);
  ZSTD_CCtx_setParameter(writer->context_, ZSTD_c_windowLog, kWindowLog - 2);
  writer->out_.resize(ZSTD_CStreamOutSize());
  return writer;
}

FrameWriter::~FrameWriter() {
  if (file_) std::fclose(file_);
  ZSTD_freeCCtx(context_);
}

base::Status FrameWriter::failed(const char* what) const {
  return fail(ErrorCode::Io, "{}: {}: {}", path_, what, system_message());
}

base::Status FrameWriter::compress(const void* bytes, std::size_t size, bool end) {
  CHECK(file_ != nullptr);
  ZSTD_inBuffer in{bytes, size, 0};
  while (true) {
    ZSTD_outBuffer out{out_.data(), out_.size(), 0};
    const std::size_t left = ZSTD_compressStream2(context_, &out, &in, end ? ZSTD_e_end : ZSTD_e_continue);
    if (ZSTD_isError(left)) return fail(ErrorCode::Io, "{}: zstd: {}", path_, ZSTD_getErrorName(left));
    if (std::fwrite(out_.data(), 1, out.pos, file_) != out.pos) return failed("can't be written");
    if (end ? left == 0 : in.pos == in.size) return {};
  }
}

base::Status FrameWriter::put(const void* bytes, std::size_t size) { return compress(bytes, size, false); }

base::Status FrameWriter::end_frame() { return compress(nullptr, 0, true); }

base::Status FrameWriter::close() {
  CHECK(file_ != nullptr);
  // Also says what was still buffered and did not fit on the disk.
  if (std::fclose(std::exchange(file_, nullptr)) != 0) return failed("can't be written");
  return {};
}

base::Result<std::unique_ptr<FrameReader>> FrameReader::open(const std::string& path) {
  std::unique_ptr<FrameReader> reader(new FrameReader);
  reader->path_ = path;
  reader->file_ = std::fopen(path.c_str(), "rbe");
  if (!reader->file_) return fail(ErrorCode::Io, "{}: can't be opened: {}", path, system_message());
  reader->context_ = ZSTD_createDCtx();
  if (!reader->context_) return fail(ErrorCode::Io, "{}: not enough memory to decompress", path);
  ZSTD_DCtx_setParameter(reader->context_, ZSTD_d_windowLogMax, kWindowLog);
  reader->in_.resize(ZSTD_DStreamInSize());
  return reader;
}

FrameReader::~FrameReader() {
  if (file_) std::fclose(file_);
  ZSTD_freeDCtx(context_);
}

base::Status FrameReader::fill() {
  if (in_begin_ < in_end_) return {};
  in_begin_ = 0;
  in_end_ = std::fread(in_.data(), 1, in_.size(), file_);
  if (in_end_ == 0 && std::ferror(file_))
    return fail(ErrorCode::Io, "{}: can't be read: {}", path_, system_message());
  return {};
}

/// As many bytes of the frame as come with one step; `made` 0 and the frame done where there are no more.
base::Status FrameReader::decompress(void* bytes, std::size_t size, std::size_t& made) {
  MOESTRESS_TRY_STATUS(fill());
  // Also with no input left the decompressor may still hold output.
  ZSTD_inBuffer in{in_.data() + in_begin_, in_end_ - in_begin_, 0};
  ZSTD_outBuffer out{bytes, size, 0};
  const std::size_t left = ZSTD_decompressStream(context_, &out, &in);
  if (ZSTD_isError(left)) {
    return fail(ErrorCode::Format, "{}: not a score file, or a damaged one ({}). Score the texts again.",
                path_, ZSTD_getErrorName(left));
  }
  in_begin_ += in.pos;
  made = out.pos;
  frame_done_ = left == 0;
  if (made == 0 && in.pos == 0 && !frame_done_ && in_begin_ == in_end_) {
    return fail(ErrorCode::Format, "{}: cut off in the middle. Score the texts again.", path_);
  }
  return {};
}

base::Status FrameReader::get(void* bytes, std::size_t size) {
  auto* to = static_cast<char*>(bytes);
  for (std::size_t have = 0; have < size;) {
    std::size_t made = 0;
    MOESTRESS_TRY_STATUS(decompress(to + have, size - have, made));
    have += made;
    if (frame_done_ && have < size) {
      return fail(ErrorCode::Format, "{}: a record is shorter than it says. Score the texts again.", path_);
    }
  }
  return {};
}

base::Status FrameReader::end_frame() {
  while (!frame_done_) {
    char more = 0;
    std::size_t made = 0;
    MOESTRESS_TRY_STATUS(decompress(&more, 1, made));
    if (made > 0)
      return fail(ErrorCode::Format, "{}: a record is longer than it says. Score the texts again.", path_);
  }
  return {};
}

base::Result<bool> FrameReader::at_end() {
  CHECK(frame_done_);
  MOESTRESS_TRY_STATUS(fill());
  return in_begin_ == in_end_;
}

}  // namespace moestress::quality
