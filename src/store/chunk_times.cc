#include "store/chunk_times.h"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace moestress::store {
namespace {

void put(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

std::optional<std::uint64_t> take(std::string_view& blob) {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64 && !blob.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(blob.front());
    blob.remove_prefix(1);
    if (shift == 63 && byte > 1) return std::nullopt;  // past 64 bits
    value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  return std::nullopt;
}

std::uint64_t zigzag(std::uint64_t difference) {
  return (difference << 1) ^ (difference >> 63 != 0 ? ~0ull : 0ull);
}
std::uint64_t unzigzag(std::uint64_t value) { return (value >> 1) ^ ((value & 1) != 0 ? ~0ull : 0ull); }

}  // namespace

std::string encode_chunks(const std::vector<record::Chunk>& chunks, std::size_t chunks_max) {
  std::string out;
  std::uint64_t before = 0;  // unsigned, so that any two times have a difference
  for (std::size_t i = 0; i < std::min(chunks.size(), chunks_max); ++i) {
    const auto at = static_cast<std::uint64_t>(chunks[i].at.count());
    put(out, zigzag(at - before));
    put(out, chunks[i].text.size());
    before = at;
  }
  return out;
}

base::Result<std::vector<record::Chunk>> decode_chunks(std::string_view blob, std::string_view text) {
  std::vector<record::Chunk> chunks;
  std::uint64_t at = 0;
  while (!blob.empty()) {
    const auto difference = take(blob);
    const auto length = difference ? take(blob) : std::nullopt;
    if (!length)
      return base::fail(base::ErrorCode::Format, "chunk times: damaged after {} chunks", chunks.size());
    at += unzigzag(*difference);
    const std::string_view piece = text.substr(0, static_cast<std::size_t>(*length));
    text.remove_prefix(piece.size());
    chunks.push_back({base::Duration(static_cast<std::int64_t>(at)), std::string(piece)});
  }
  return chunks;
}

}  // namespace moestress::store
