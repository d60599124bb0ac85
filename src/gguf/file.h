#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "gguf/tensor_type.h"

namespace moestress::gguf {

/// The types of metadata values, numbered as in the file.
enum class ValueType : std::uint32_t {
  U8 = 0,
  I8 = 1,
  U16 = 2,
  I16 = 3,
  U32 = 4,
  I32 = 5,
  F32 = 6,
  Bool = 7,
  String = 8,
  Array = 9,
  U64 = 10,
  I64 = 11,
  F64 = 12,
};

const char* to_string(ValueType type);

/// An array in the metadata. Short arrays of numbers are held (per-layer figures are such); of others, token
/// lists above all, only type, length and place.
struct Array {
  static constexpr std::uint64_t kHeldMax = 4096;

  ValueType element = ValueType::U8;
  std::uint64_t count = 0;
  std::uint64_t offset = 0;     ///< of the first element, from the beginning of the file
  std::vector<double> numbers;  ///< all elements, or empty where they are no numbers or more than kHeldMax
};

/// A metadata value; integers keep their signedness.
using Value = std::variant<bool, std::uint64_t, std::int64_t, double, std::string, Array>;

struct Tensor {
  std::string name;
  TensorType type;
  std::vector<std::uint64_t> dims;  ///< ggml's order: the contiguous one first
  std::uint64_t offset = 0;         ///< from the beginning of the file
  std::uint64_t bytes = 0;
};

/// What a GGUF file says of itself: everything but the tensors' data. A plain value.
struct File {
  std::string path;
  std::uint32_t version = 0;  ///< 2 or 3
  std::uint32_t alignment = 32;
  std::uint64_t file_bytes = 0;
  std::uint64_t data_offset = 0;  ///< where tensor data begins
  std::map<std::string, Value> metadata;
  std::vector<Tensor> tensors;  ///< in file order; none overlaps another or reaches past the file's end

  const Value* find(const std::string& key) const;
  const Tensor* find_tensor(const std::string& name) const;
  /// The value as an integer, where it is one (or a bool) and not negative.
  std::optional<std::uint64_t> unsigned_at(const std::string& key) const;
  std::optional<std::string> string_at(const std::string& key) const;
  /// A figure that may be one number for all layers or an array with one for each: `layers` values, or
  /// nothing where the key is absent, of another type, negative, or an array of another length.
  std::optional<std::vector<std::uint64_t>> per_layer(const std::string& key, std::size_t layers) const;
};

/// Whether the file's weights are random, which forge notes in it: such a model can be measured, not graded.
bool random_weights(const File& file);

/// Reads header, metadata and tensor list of a GGUF v2 or v3 file (little-endian). Nothing that a file claims
/// is believed before it is checked against the file's size, so memory stays within a few times the size of
/// the metadata really present. Errors: Io (can't be opened or read), Format (not GGUF, truncated,
/// inconsistent; the text gives the offset), Unsupported (version, byte order).
base::Result<File> read(const std::string& path);

/// Copies up to into.size() bytes at `offset` and gives how many; fewer only at the end or on an error.
using ReadAt = std::function<std::size_t(std::uint64_t offset, std::span<char> into)>;

/// The same for any bytes. `path` is used in error texts only.
base::Result<File> parse(const ReadAt& read_at, std::uint64_t file_bytes, const std::string& path);

}  // namespace moestress::gguf
