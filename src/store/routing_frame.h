#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "record/routing.h"

namespace moestress::store {

// routing.bin is a sequence of frames, each one RoutingTrace. All numbers are little-endian:
//   "MOEROUT1"  8 bytes
//   payload, uncompressed   u64 bytes
//   payload, compressed     u64 bytes
//   XXH64 of the compressed payload   u64
//   XXH64 of the 32 bytes above       u64
//   the payload, compressed with zstd:
//     u32 layers, u32 experts, u32 k, u64 tokens, i32 layer numbers[layers],
//     u16 ids[tokens·layers·k], f32 weights[tokens·layers·k]

inline constexpr std::size_t kFrameHeaderBytes = 40;
inline constexpr std::uint64_t kFramePayloadBytesMax = 256u << 20;

/// Errors: Usage (arrays that do not fit the trace's sizes), Limit (over kFramePayloadBytesMax).
base::Result<std::string> encode_frame(const record::RoutingTrace& trace);

/// What the header says, checked: bytes of the compressed payload that follows, and its size when unpacked.
struct FrameHeader {
  std::uint64_t payload_bytes = 0;
  std::uint64_t compressed_bytes = 0;
  std::uint64_t checksum = 0;
};
base::Result<FrameHeader> decode_frame_header(std::string_view bytes);
base::Result<record::RoutingTrace> decode_frame_payload(const FrameHeader& header,
                                                        std::string_view compressed);

}  // namespace moestress::store
