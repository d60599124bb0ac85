#include "store/routing_frame.h"

#include <xxhash.h>
#include <zstd.h>

#include <bit>
#include <cstring>

namespace moestress::store {
namespace {

using base::ErrorCode;

static_assert(std::endian::native == std::endian::little, "routing.bin is written as it lies in memory");

constexpr std::string_view kMagic = "MOEROUT1";
constexpr int kCompressionLevel = 3;
constexpr std::uint64_t kLayersMax = 65536;
constexpr std::uint64_t kChosenMax = 65536;

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
template <class T>
void put_all(std::string& out, const std::vector<T>& values) {
  out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

/// The caller has checked that enough is left.
template <class T>
T take(std::string_view& bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes.remove_prefix(sizeof value);
  return value;
}
template <class T>
std::vector<T> take_all(std::string_view& bytes, std::size_t count) {
  std::vector<T> values(count);
  if (count > 0) std::memcpy(values.data(), bytes.data(), count * sizeof(T));
  bytes.remove_prefix(count * sizeof(T));
  return values;
}

constexpr std::uint64_t kPayloadHeadBytes = 3 * sizeof(std::uint32_t) + sizeof(std::uint64_t);

/// Bytes of a payload of this shape, or more than the limit if it is over it.
std::uint64_t payload_bytes(std::uint64_t layers, std::uint64_t k, std::uint64_t tokens) {
  if (layers > kLayersMax || k > kChosenMax || tokens > kFramePayloadBytesMax)
    return kFramePayloadBytesMax + 1;
  // at most 2^16 · 2^16 · 2^28 · 6 < 2^63
  return kPayloadHeadBytes + layers * 4 + layers * k * tokens * 6;
}

}  // namespace

base::Result<std::string> encode_frame(const record::RoutingTrace& trace) {
  const std::uint64_t layers = trace.layers.size();
  if (trace.k < 0 || trace.experts < 0 || trace.ids.size() != trace.weights.size())
    return base::fail(ErrorCode::Usage,
                      "routing trace: {} ids, {} weights, k {}, {} experts do not fit together",
                      trace.ids.size(), trace.weights.size(), trace.k, trace.experts);
  const std::uint64_t bytes = payload_bytes(layers, static_cast<std::uint64_t>(trace.k), trace.tokens);
  if (bytes > kFramePayloadBytesMax)
    return base::fail(ErrorCode::Limit,
                      "routing trace of {} tokens × {} layers × {}: over {} bytes; trace shorter texts",
                      trace.tokens, layers, trace.k, kFramePayloadBytesMax);
  if (trace.ids.size() != layers * static_cast<std::uint64_t>(trace.k) * trace.tokens)
    return base::fail(ErrorCode::Usage, "routing trace: {} ids for {} tokens × {} layers × {}",
                      trace.ids.size(), trace.tokens, layers, trace.k);

  std::string payload;
  payload.reserve(bytes);
  put(payload, static_cast<std::uint32_t>(layers));
  put(payload, static_cast<std::uint32_t>(trace.experts));
  put(payload, static_cast<std::uint32_t>(trace.k));
  put(payload, static_cast<std::uint64_t>(trace.tokens));
  for (const int layer : trace.layers) put(payload, static_cast<std::int32_t>(layer));
  put_all(payload, trace.ids);
  put_all(payload, trace.weights);

  std::string frame(kFrameHeaderBytes + ZSTD_compressBound(payload.size()), '\0');
  const std::size_t compressed =
      ZSTD_compress(frame.data() + kFrameHeaderBytes, frame.size() - kFrameHeaderBytes, payload.data(),
                    payload.size(), kCompressionLevel);
  if (ZSTD_isError(compressed))
    return base::fail(ErrorCode::Internal, "routing trace: zstd: {}", ZSTD_getErrorName(compressed));
  frame.resize(kFrameHeaderBytes + compressed);

  std::string header(kMagic);
  put(header, static_cast<std::uint64_t>(payload.size()));
  put(header, static_cast<std::uint64_t>(compressed));
  put(header, static_cast<std::uint64_t>(XXH64(frame.data() + kFrameHeaderBytes, compressed, 0)));
  put(header, static_cast<std::uint64_t>(XXH64(header.data(), header.size(), 0)));
  frame.replace(0, kFrameHeaderBytes, header);
  return frame;
}

base::Result<FrameHeader> decode_frame_header(std::string_view bytes) {
  if (bytes.size() < kFrameHeaderBytes)
    return base::fail(ErrorCode::Format, "the file ends inside a frame's header");
  const std::string_view checked = bytes.substr(0, kFrameHeaderBytes - sizeof(std::uint64_t));
  if (bytes.substr(0, kMagic.size()) != kMagic) return base::fail(ErrorCode::Format, "no frame begins here");
  bytes.remove_prefix(kMagic.size());
  FrameHeader header;
  header.payload_bytes = take<std::uint64_t>(bytes);
  header.compressed_bytes = take<std::uint64_t>(bytes);
  header.checksum = take<std::uint64_t>(bytes);
  if (take<std::uint64_t>(bytes) != XXH64(checked.data(), checked.size(), 0))
    return base::fail(ErrorCode::Format, "the frame's header is damaged (checksum)");
  if (header.payload_bytes > kFramePayloadBytesMax ||
      header.compressed_bytes > ZSTD_compressBound(kFramePayloadBytesMax))
    return base::fail(ErrorCode::Format, "the frame claims {} bytes, over the limit", header.payload_bytes);
  return header;
}

base::Result<record::RoutingTrace> decode_frame_payload(const FrameHeader& header,
                                                        std::string_view compressed) {
  if (compressed.size() != header.compressed_bytes)
    return base::fail(ErrorCode::Format, "the file ends inside a frame");
  if (XXH64(compressed.data(), compressed.size(), 0) != header.checksum)
    return base::fail(ErrorCode::Format, "the frame is damaged (checksum)");
  std::string payload(header.payload_bytes, '\0');
  const std::size_t size =
      ZSTD_decompress(payload.data(), payload.size(), compressed.data(), compressed.size());
  if (ZSTD_isError(size) || size != payload.size() || size < kPayloadHeadBytes)
    return base::fail(ErrorCode::Format, "the frame does not unpack to the size it names");

  std::string_view bytes = payload;
  record::RoutingTrace trace;
  const std::uint64_t layers = take<std::uint32_t>(bytes);
  trace.experts = static_cast<int>(take<std::uint32_t>(bytes));
  const std::uint64_t k = take<std::uint32_t>(bytes);
  const std::uint64_t tokens = take<std::uint64_t>(bytes);
  if (payload_bytes(layers, k, tokens) != payload.size() || trace.experts < 0)
    return base::fail(ErrorCode::Format, "the frame's sizes do not fit its length");
  trace.k = static_cast<int>(k);
  trace.tokens = tokens;
  for (const auto layer : take_all<std::int32_t>(bytes, layers)) trace.layers.push_back(layer);
  trace.ids = take_all<std::uint16_t>(bytes, layers * k * tokens);
  trace.weights = take_all<float>(bytes, layers * k * tokens);
  return trace;
}

}  // namespace moestress::store
