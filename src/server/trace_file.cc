#include "server/trace_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

namespace moestress::server {

namespace {

static_assert(std::endian::native == std::endian::little,
              "the file's numbers are written as they lie in memory");

constexpr std::string_view kFileMagic = "MOERTRC1";
constexpr std::uint32_t kFrameMagic = 0x4D415246;
constexpr std::size_t kFrameHeaderBytes = 16;
constexpr std::uint32_t kPayloadBytesMax = 0x7FFF'FFFF;

struct FrameHeader {
  std::uint32_t magic = 0;
  std::uint32_t payload_bytes = 0;
  std::uint64_t hash = 0;
};
static_assert(sizeof(FrameHeader) == kFrameHeaderBytes);

base::Error system_error(const char* what, const std::string& path) {
  return {base::ErrorCode::Io, fmt::format("{}: {} failed: {}", path, what, std::strerror(errno))};
}

base::Status read_exactly(int fd, const std::string& path, std::uint64_t offset, char* into,
                          std::size_t bytes) {
  while (bytes > 0) {
    const ssize_t got = ::pread(fd, into, bytes, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return tl::unexpected(system_error("read", path));
    if (got == 0) return base::fail(base::ErrorCode::Io, "{}: shrank while it was read", path);
    into += got;
    offset += static_cast<std::uint64_t>(got);
    bytes -= static_cast<std::size_t>(got);
  }
  return {};
}

base::Result<std::uint64_t> file_bytes(int fd, const std::string& path) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return tl::unexpected(system_error("fstat", path));
  if (!S_ISREG(status.st_mode)) return base::fail(base::ErrorCode::Format, "{}: is no regular file", path);
  return static_cast<std::uint64_t>(status.st_size);
}

base::Status check_magic(int fd, const std::string& path, std::uint64_t bytes) {
  char magic[kFileMagic.size()] = {};
  if (bytes >= kFileMagic.size()) MOESTRESS_TRY_STATUS(read_exactly(fd, path, 0, magic, sizeof magic));
  if (std::string_view(magic, sizeof magic) == kFileMagic) return {};
  return base::fail(base::ErrorCode::Format, "{}: is not a routing trace (it does not begin with {})", path,
                    kFileMagic);
}

/// The header of the frame at `offset`, or nothing if no whole frame is there.
base::Result<std::optional<FrameHeader>> frame_at(int fd, const std::string& path, std::uint64_t offset,
                                                  std::uint64_t bytes) {
  if (bytes - offset < kFrameHeaderBytes) return std::optional<FrameHeader>{};
  char raw[kFrameHeaderBytes];
  MOESTRESS_TRY_STATUS(read_exactly(fd, path, offset, raw, sizeof raw));
  FrameHeader header;
  std::memcpy(&header, raw, sizeof raw);
  if (header.magic != kFrameMagic || header.payload_bytes > kPayloadBytesMax) {
    return base::fail(base::ErrorCode::Format, "{}: no frame begins at byte {}; the file is damaged there",
                      path, offset);
  }
  if (header.payload_bytes > bytes - offset - kFrameHeaderBytes) return std::optional<FrameHeader>{};
  return std::optional(header);
}

/// Builds a payload.
class Bytes {
 public:
  template <class T>
  void number(T value) {
    append(&value, sizeof value);
  }
  template <class T>
  void numbers(const std::vector<T>& values) {
    append(values.data(), values.size() * sizeof(T));
  }
  void append(const void* data, std::size_t bytes) { out_.append(static_cast<const char*>(data), bytes); }
  std::string& out() { return out_; }

 private:
  std::string out_;
};

/// Takes a payload apart; after the first read past its end everything is empty and ok() is false.
class Fields {
 public:
  explicit Fields(std::string_view rest) : rest_(rest) {}

  template <class T>
  T number() {
    T value{};
    const std::string_view raw = take(sizeof value);
    if (ok_) std::memcpy(&value, raw.data(), sizeof value);
    return value;
  }
  template <class T>
  std::vector<T> numbers(std::uint64_t count) {
    if (count > rest_.size() / sizeof(T)) ok_ = false;
    if (!ok_) return {};
    std::vector<T> values(count);
    const std::string_view raw = take(count * sizeof(T));
    if (count > 0) std::memcpy(values.data(), raw.data(), raw.size());
    return values;
  }
  std::string_view take(std::uint64_t bytes) {
    if (bytes > rest_.size()) ok_ = false;
    if (!ok_) return {};
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return taken;
  }
  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

std::string encode(const TracedRequest& request) {
  Bytes bytes;
  bytes.out().resize(kFrameHeaderBytes);
  bytes.number(static_cast<std::uint32_t>(request.id.size()));
  bytes.append(request.id.data(), request.id.size());
  bytes.number(request.ended_unix_ms);
  bytes.number(request.prompt_tokens);
  bytes.number(static_cast<std::uint32_t>(request.tokens.size()));
  bytes.numbers(request.tokens);
  const record::RoutingTrace& routing = request.routing;
  bytes.number(static_cast<std::uint32_t>(routing.experts));
  bytes.number(static_cast<std::uint32_t>(routing.k));
  bytes.number(static_cast<std::uint32_t>(routing.tokens));
  bytes.number(static_cast<std::uint32_t>(routing.layers.size()));
  for (const int layer : routing.layers) bytes.number(static_cast<std::int32_t>(layer));
  bytes.numbers(routing.ids);
  bytes.numbers(routing.weights);
  return std::move(bytes.out());
}

/// Nothing if the payload contradicts itself.
std::optional<TracedRequest> decode(std::string_view payload) {
  Fields fields(payload);
  TracedRequest request;
  request.id = fields.take(fields.number<std::uint32_t>());
  request.ended_unix_ms = fields.number<std::int64_t>();
  request.prompt_tokens = fields.number<std::uint32_t>();
  request.tokens = fields.numbers<std::int32_t>(fields.number<std::uint32_t>());
  record::RoutingTrace& routing = request.routing;
  const auto experts = fields.number<std::uint32_t>();
  const auto k = fields.number<std::uint32_t>();
  routing.tokens = fields.number<std::uint32_t>();
  const auto layers = fields.numbers<std::int32_t>(fields.number<std::uint32_t>());
  routing.layers.assign(layers.begin(), layers.end());
  constexpr std::uint32_t kExpertsMax = record::RoutingTrace::kAbsent;
  if (!fields.ok() || experts > kExpertsMax || k > experts || routing.tokens > request.tokens.size() ||
      request.prompt_tokens > request.tokens.size()) {
    return std::nullopt;
  }
  routing.experts = static_cast<int>(experts);
  routing.k = static_cast<int>(k);
  // Each factor is below 2^32, 2^31 and 2^16; their product may not be, so compare before multiplying.
  const std::uint64_t per_token = static_cast<std::uint64_t>(routing.layers.size()) * k;
  if (per_token > 0 && routing.tokens > payload.size() / per_token) return std::nullopt;
  routing.ids = fields.numbers<std::uint16_t>(routing.tokens * per_token);
  routing.weights = fields.numbers<float>(routing.tokens * per_token);
  if (!fields.ok() || !fields.at_end()) return std::nullopt;
  for (const std::uint16_t id : routing.ids) {
    if (id != record::RoutingTrace::kAbsent && id >= experts) return std::nullopt;
  }
  return request;
}

base::Status write_all(int fd, const std::string& path, std::string_view data, std::uint64_t offset) {
  while (!data.empty()) {
    const ssize_t written = ::pwrite(fd, data.data(), data.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return tl::unexpected(system_error("write", path));
    data.remove_prefix(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return {};
}

/// Closes the file unless it has been handed on.
struct OpenFile {
  int fd;
  ~OpenFile() {
    if (fd >= 0) ::close(fd);
  }
  int release() { return std::exchange(fd, -1); }
};

}  // namespace

base::Result<TraceWriter> TraceWriter::open(const std::string& path) {
  OpenFile file{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (file.fd < 0) return tl::unexpected(system_error("open", path));
  MOESTRESS_TRY(const std::uint64_t bytes, file_bytes(file.fd, path));
  std::uint64_t offset = kFileMagic.size();
  if (bytes == 0) {
    MOESTRESS_TRY_STATUS(write_all(file.fd, path, kFileMagic, 0));
    return TraceWriter(path, file.release(), offset);
  }
  MOESTRESS_TRY_STATUS(check_magic(file.fd, path, bytes));
  while (true) {
    MOESTRESS_TRY(const auto header, frame_at(file.fd, path, offset, bytes));
    if (!header) break;
    offset += kFrameHeaderBytes + header->payload_bytes;
  }
  if (::ftruncate(file.fd, static_cast<off_t>(offset)) != 0)
    return tl::unexpected(system_error("ftruncate", path));
  return TraceWriter(path, file.release(), offset);
}

TraceWriter::TraceWriter(TraceWriter&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), bytes_(other.bytes_) {}

TraceWriter& TraceWriter::operator=(TraceWriter&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

TraceWriter::~TraceWriter() {
  if (fd_ >= 0) ::close(fd_);
}

base::Status TraceWriter::append(const TracedRequest& request) {
  std::string frame = encode(request);
  const std::size_t payload_bytes = frame.size() - kFrameHeaderBytes;
  if (payload_bytes > kPayloadBytesMax) {
    return base::fail(base::ErrorCode::Limit,
                      "{}: the routing of one request takes {} bytes; at most {} fit a frame", path_,
                      payload_bytes, kPayloadBytesMax);
  }
  const FrameHeader header{.magic = kFrameMagic,
                           .payload_bytes = static_cast<std::uint32_t>(payload_bytes),
                           .hash = XXH3_64bits(frame.data() + kFrameHeaderBytes, payload_bytes)};
  std::memcpy(frame.data(), &header, sizeof header);
  if (auto written = write_all(fd_, path_, frame, bytes_); !written) {
    // What was begun would hide later frames from a reader.
    if (::ftruncate(fd_, static_cast<off_t>(bytes_)) != 0)
      return tl::unexpected(system_error("ftruncate", path_));
    return written;
  }
  bytes_ += frame.size();
  return {};
}

base::Result<TraceReader> TraceReader::open(const std::string& path) {
  OpenFile file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) return tl::unexpected(system_error("open", path));
  MOESTRESS_TRY(const std::uint64_t bytes, file_bytes(file.fd, path));
  MOESTRESS_TRY_STATUS(check_magic(file.fd, path, bytes));
  return TraceReader(path, file.release(), kFileMagic.size());
}

TraceReader::TraceReader(TraceReader&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), offset_(other.offset_) {}

TraceReader& TraceReader::operator=(TraceReader&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  std::swap(offset_, other.offset_);
  return *this;
}

TraceReader::~TraceReader() {
  if (fd_ >= 0) ::close(fd_);
}

base::Result<std::optional<TracedRequest>> TraceReader::next() {
  MOESTRESS_TRY(const std::uint64_t bytes, file_bytes(fd_, path_));
  if (bytes < offset_) return base::fail(base::ErrorCode::Io, "{}: shrank while it was read", path_);
  MOESTRESS_TRY(const auto header, frame_at(fd_, path_, offset_, bytes));
  if (!header) return std::optional<TracedRequest>{};
  std::string payload(header->payload_bytes, '\0');
  MOESTRESS_TRY_STATUS(read_exactly(fd_, path_, offset_ + kFrameHeaderBytes, payload.data(), payload.size()));
  auto request = XXH3_64bits(payload.data(), payload.size()) == header->hash ? decode(payload) : std::nullopt;
  if (!request) {
    return base::fail(base::ErrorCode::Format, "{}: the frame at byte {} is damaged", path_, offset_);
  }
  offset_ += kFrameHeaderBytes + payload.size();
  return request;
}

}  // namespace moestress::server
