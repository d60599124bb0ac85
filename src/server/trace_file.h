#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "record/routing.h"

namespace moestress::server {

/// The routing of one request, as `serve --trace FILE` keeps it.
struct TracedRequest {
  std::string id{};  ///< the "id" of the reply, e.g. "chatcmpl-…"
  std::int64_t ended_unix_ms = 0;
  std::uint32_t prompt_tokens = 0;     ///< how many of `tokens` are the prompt
  std::vector<std::int32_t> tokens{};  ///< prompt, then reply
  record::RoutingTrace
      routing{};  ///< of the first routing.tokens of `tokens`: the last one sampled is never decoded
};

// The file, all numbers little-endian:
//
//     "MOERTRC1"                                              8 bytes, once
//     frame: u32 magic 0x4D415246 ("FRAM") · u32 payload bytes · u64 XXH3-64 of the payload · payload
//     payload: u32 id bytes · id · i64 ended_unix_ms · u32 prompt_tokens · u32 tokens · i32 token[tokens]
//              u32 experts · u32 k · u32 routed tokens · u32 layers · i32 layer[layers]
//              u16 expert[routed × layers × k] (0xFFFF: not computed) · f32 weight[routed × layers × k]
//
// A server that is killed leaves at most a part of a frame at the end, which neither reader nor writer minds.
// Tokens are the text: the file is made readable for its owner only.

/// Appends to a trace file. One thread at a time.
class TraceWriter {
 public:
  /// Makes the file, or goes on behind the last whole frame of one that is there. Errors: Io; Format
  /// (something else stands in the file: it is left as it is).
  static base::Result<TraceWriter> open(const std::string& path);
  TraceWriter(TraceWriter&& other) noexcept;
  TraceWriter& operator=(TraceWriter&& other) noexcept;
  ~TraceWriter();

  /// Errors: Io (disk full, …), Limit (over 2 GiB in one frame). Either way the file still ends with a whole
  /// frame.
  base::Status append(const TracedRequest& request);

 private:
  TraceWriter(std::string path, int fd, std::uint64_t bytes)
      : path_(std::move(path)), fd_(fd), bytes_(bytes) {}
  std::string path_;
  int fd_ = -1;
  std::uint64_t bytes_ = 0;
};

/// Reads a trace file frame by frame, also while it is being written. Untrusted input. One thread at a time.
class TraceReader {
 public:
  /// Errors: Io, Format (not a trace file).
  static base::Result<TraceReader> open(const std::string& path);
  TraceReader(TraceReader&& other) noexcept;
  TraceReader& operator=(TraceReader&& other) noexcept;
  ~TraceReader();

  /// The next frame; nothing at the end, also where the last frame is not whole yet. Errors: Format (a frame
  /// is damaged; the text says at which byte), Io.
  base::Result<std::optional<TracedRequest>> next();

 private:
  TraceReader(std::string path, int fd, std::uint64_t offset)
      : path_(std::move(path)), fd_(fd), offset_(offset) {}
  std::string path_;
  int fd_ = -1;
  std::uint64_t offset_ = 0;
};

}  // namespace moestress::server
