#include <algorithm>
#include <bit>
#include <type_traits>
#include <unordered_set>

#include "base/text.h"
#include "gguf/file.h"
#include "gguf/reader.h"

namespace moestress::gguf {
namespace {

constexpr std::uint64_t kKeyBytesMax = 65535;        // the format's own limit
constexpr std::uint64_t kStringBytesMax = 16 << 20;  // chat templates are the longest values, some 100 kB
constexpr std::uint64_t kKeysMax = 1 << 16;
constexpr std::uint64_t kTensorsMax = 1 << 18;
constexpr std::uint64_t kArrayStringsMax = 1 << 24;
constexpr std::uint32_t kDimsMax = 4;  // ggml's
constexpr std::uint32_t kAlignmentMax = 1 << 20;
constexpr std::uint64_t kKeyBytesMin = 8 + 4 + 1;  // length, type, one byte of value
constexpr std::uint64_t kTensorBytesMin = 8 + 4 + 8 + 4 + 8;

/// Bytes of a value of fixed size, or 0.
std::uint64_t fixed_bytes(ValueType type) {
  switch (type) {
    case ValueType::U8:
    case ValueType::I8:
    case ValueType::Bool:
      return 1;
    case ValueType::U16:
    case ValueType::I16:
      return 2;
    case ValueType::U32:
    case ValueType::I32:
    case ValueType::F32:
      return 4;
    case ValueType::U64:
    case ValueType::I64:
    case ValueType::F64:
      return 8;
    case ValueType::String:
    case ValueType::Array:
      return 0;
  }
  return 0;
}

/// What "x: offset n: …" calls a key or tensor of the file.
std::string quoted(const std::string& name) { return "\"" + base::printable(name, 80) + "\""; }

/// One pass over a file's beginning.
class Parser {
 public:
  Parser(const ReadAt& read_at, std::uint64_t file_bytes, const std::string& path)
      : reader_(read_at, file_bytes, path) {
    file_.path = path;
    file_.file_bytes = file_bytes;
  }

  base::Result<File> parse() {
    MOESTRESS_TRY_STATUS(read_header());
    for (std::uint64_t i = 0; i < keys_; ++i) MOESTRESS_TRY_STATUS(read_key());
    MOESTRESS_TRY_STATUS(read_alignment());
    for (std::uint64_t i = 0; i < tensors_; ++i) MOESTRESS_TRY_STATUS(read_tensor());
    MOESTRESS_TRY_STATUS(place_tensors());
    return std::move(file_);
  }

 private:
  base::Status read_header() {
    MOESTRESS_TRY(const auto magic, reader_.number<std::uint32_t>("the magic number"));
    if (magic != 0x46554747)  // "GGUF"
      return reader_.error(0, "not a GGUF file: it does not begin with \"GGUF\"");
    MOESTRESS_TRY(file_.version, reader_.number<std::uint32_t>("the version"));
    if (file_.version != 0 && (file_.version & 0xFFFF) == 0)
      return base::fail(base::ErrorCode::Unsupported,
                        "{}: offset 4: a big-endian GGUF file; convert it first", file_.path);
    if (file_.version != 2 && file_.version != 3)
      return base::fail(base::ErrorCode::Unsupported,
                        "{}: offset 4: GGUF version {}; versions 2 and 3 are read", file_.path,
                        file_.version);
    MOESTRESS_TRY(tensors_, reader_.number<std::uint64_t>("the number of tensors"));
    MOESTRESS_TRY(keys_, reader_.number<std::uint64_t>("the number of keys"));
    if (tensors_ > kTensorsMax || tensors_ > reader_.remaining() / kTensorBytesMin)
      return reader_.error(8, "the file claims {} tensors, more than its {} bytes can hold or {} allowed",
                           tensors_, file_.file_bytes, kTensorsMax);
    if (keys_ > kKeysMax || keys_ > reader_.remaining() / kKeyBytesMin)
      return reader_.error(16, "the file claims {} keys, more than its {} bytes can hold or {} allowed",
                           keys_, file_.file_bytes, kKeysMax);
    return {};
  }

  base::Status read_key() {
    const std::uint64_t begin = reader_.offset();
    MOESTRESS_TRY(std::string key, reader_.string("a key", kKeyBytesMax));
    MOESTRESS_TRY(const ValueType type, read_type(quoted(key)));
    MOESTRESS_TRY(Value value, read_value(type, quoted(key)));
    if (!file_.metadata.emplace(key, std::move(value)).second)
      return reader_.error(begin, "key {} occurs twice", quoted(key));
    return {};
  }

  base::Result<ValueType> read_type(const std::string& what) {
    const std::uint64_t begin = reader_.offset();
    MOESTRESS_TRY(const auto number, reader_.number<std::uint32_t>("the type of " + what));
    if (number > static_cast<std::uint32_t>(ValueType::F64))
      return reader_.error(begin, "{} has the unknown value type {}", what, number);
    return static_cast<ValueType>(number);
  }

  template <class T, class Held>
  base::Result<Value> read_as(const std::string& what) {
    MOESTRESS_TRY(const T number, reader_.number<T>(what));
    return Value(static_cast<Held>(number));
  }

  base::Result<Value> read_value(ValueType type, const std::string& what) {
    switch (type) {
      case ValueType::U8:
        return read_as<std::uint8_t, std::uint64_t>(what);
      case ValueType::I8:
        return read_as<std::int8_t, std::int64_t>(what);
      case ValueType::U16:
        return read_as<std::uint16_t, std::uint64_t>(what);
      case ValueType::I16:
        return read_as<std::int16_t, std::int64_t>(what);
      case ValueType::U32:
        return read_as<std::uint32_t, std::uint64_t>(what);
      case ValueType::I32:
        return read_as<std::int32_t, std::int64_t>(what);
      case ValueType::U64:
        return read_as<std::uint64_t, std::uint64_t>(what);
      case ValueType::I64:
        return read_as<std::int64_t, std::int64_t>(what);
      case ValueType::F32:
        return read_as<float, double>(what);
      case ValueType::F64:
        return read_as<double, double>(what);
      case ValueType::Bool: {
        MOESTRESS_TRY(const auto byte, reader_.number<std::uint8_t>(what));
        return Value(byte != 0);
      }
      case ValueType::String: {
        MOESTRESS_TRY(std::string text, reader_.string(what, kStringBytesMax));
        return Value(std::move(text));
      }
      case ValueType::Array: {
        MOESTRESS_TRY(Array array, read_array(what));
        return Value(std::move(array));
      }
    }
    return reader_.error(reader_.offset(), "{} has an unknown value type", what);
  }

  base::Result<Array> read_array(const std::string& what) {
    const std::uint64_t begin = reader_.offset();
    Array array;
    MOESTRESS_TRY(array.element, read_type(what));
    MOESTRESS_TRY(array.count, reader_.number<std::uint64_t>("the length of " + what));
    array.offset = reader_.offset();
    if (array.element == ValueType::Array)
      return reader_.error(begin, "{} is an array of arrays, which llama.cpp does not read either", what);
    if (array.element == ValueType::String) {
      if (array.count > kArrayStringsMax || array.count > reader_.remaining() / sizeof(std::uint64_t))
        return reader_.error(begin, "{} claims {} strings, more than the file can hold or {} allowed", what,
                             array.count, kArrayStringsMax);
      for (std::uint64_t i = 0; i < array.count; ++i) {
        MOESTRESS_TRY(const auto length, reader_.number<std::uint64_t>("a string of " + what));
        MOESTRESS_TRY_STATUS(reader_.skip(length, "a string of " + what));
      }
      return array;
    }
    const std::uint64_t element_bytes = fixed_bytes(array.element);
    if (array.count > reader_.remaining() / element_bytes)
      return reader_.error(begin, "{} claims {} elements, but only {} bytes follow", what, array.count,
                           reader_.remaining());
    if (array.count > Array::kHeldMax) {
      MOESTRESS_TRY_STATUS(reader_.skip(array.count * element_bytes, what));
      return array;
    }
    for (std::uint64_t i = 0; i < array.count; ++i) {
      MOESTRESS_TRY(const Value value, read_value(array.element, what));
      array.numbers.push_back(std::visit(
          [](const auto& held) {
            if constexpr (std::is_arithmetic_v<std::decay_t<decltype(held)>>)
              return static_cast<double>(held);
            return 0.0;
          },
          value));
    }
    return array;
  }

  base::Status read_alignment() {
    const Value* value = file_.find("general.alignment");
    if (value == nullptr) return {};
    const auto alignment = file_.unsigned_at("general.alignment");
    if (!alignment || *alignment == 0 || *alignment > kAlignmentMax || !std::has_single_bit(*alignment))
      return reader_.error(reader_.offset(), "general.alignment must be a power of two up to {}",
                           kAlignmentMax);
    file_.alignment = static_cast<std::uint32_t>(*alignment);
    return {};
  }

  base::Status read_tensor() {
    const std::uint64_t begin = reader_.offset();
    Tensor tensor;
    MOESTRESS_TRY(tensor.name, reader_.string("a tensor's name", kKeyBytesMax));
    const std::string what = "tensor " + quoted(tensor.name);
    if (!names_.insert(tensor.name).second) return reader_.error(begin, "{} occurs twice", what);
    MOESTRESS_TRY(const auto dims, reader_.number<std::uint32_t>("the dimensions of " + what));
    if (dims == 0 || dims > kDimsMax)
      return reader_.error(begin, "{} has {} dimensions, not 1 to 4", what, dims);
    for (std::uint32_t i = 0; i < dims; ++i) {
      MOESTRESS_TRY(const auto size, reader_.number<std::uint64_t>("the dimensions of " + what));
      tensor.dims.push_back(size);
    }
    MOESTRESS_TRY(const auto type_number, reader_.number<std::uint32_t>("the type of " + what));
    const auto type = tensor_type(type_number);
    if (!type) return reader_.error(begin, "{} has the unknown type {}", what, type_number);
    tensor.type = *type;
    MOESTRESS_TRY(tensor.offset, reader_.number<std::uint64_t>("the place of " + what));
    MOESTRESS_TRY(tensor.bytes, bytes_of(tensor, begin, what));
    file_.tensors.push_back(std::move(tensor));
    return {};
  }

  base::Result<std::uint64_t> bytes_of(const Tensor& tensor, std::uint64_t begin, const std::string& what) {
    if (tensor.dims[0] == 0 || tensor.dims[0] % tensor.type.block_values != 0)
      return reader_.error(begin, "{} has rows of {} values, which is no multiple of {}'s blocks of {}", what,
                           tensor.dims[0], tensor.type.name, tensor.type.block_values);
    std::uint64_t bytes = tensor.dims[0] / tensor.type.block_values;
    std::uint64_t factor = tensor.type.block_bytes;
    for (std::size_t i = 1; i <= tensor.dims.size(); ++i) {
      if (factor == 0 || bytes > file_.file_bytes / factor)
        return reader_.error(begin, "{} is empty or larger than the file's {} bytes", what, file_.file_bytes);
      bytes *= factor;
      if (i < tensor.dims.size()) factor = tensor.dims[i];
    }
    return bytes;
  }

  /// Turns offsets from the beginning of the data into offsets in the file, and checks them.
  base::Status place_tensors() {
    const std::uint64_t end = reader_.offset();
    file_.data_offset = (end + file_.alignment - 1) / file_.alignment * file_.alignment;
    if (file_.tensors.empty()) return {};
    if (file_.data_offset > file_.file_bytes)
      return reader_.error(end, "the file ends before its tensor data: it is truncated");
    const std::uint64_t data_bytes = file_.file_bytes - file_.data_offset;
    for (Tensor& tensor : file_.tensors) {
      if (tensor.offset % file_.alignment != 0)
        return reader_.error(end, "tensor {} lies at {}, which is no multiple of the alignment {}",
                             quoted(tensor.name), tensor.offset, file_.alignment);
      if (tensor.offset > data_bytes || tensor.bytes > data_bytes - tensor.offset)
        return reader_.error(
            end, "tensor {} ({} bytes at {}) reaches past the {} bytes of data: the file is truncated",
            quoted(tensor.name), tensor.bytes, tensor.offset, data_bytes);
      tensor.offset += file_.data_offset;
    }
    return check_overlaps(end);
  }

  base::Status check_overlaps(std::uint64_t end) const {
    std::vector<const Tensor*> order;
    order.reserve(file_.tensors.size());
    for (const Tensor& tensor : file_.tensors) order.push_back(&tensor);
    std::sort(order.begin(), order.end(),
              [](const Tensor* a, const Tensor* b) { return a->offset < b->offset; });
    for (std::size_t i = 1; i < order.size(); ++i) {
      if (order[i - 1]->offset + order[i - 1]->bytes > order[i]->offset)
        return reader_.error(end, "tensors {} and {} overlap at {}", quoted(order[i - 1]->name),
                             quoted(order[i]->name), order[i]->offset);
    }
    return {};
  }

  Reader reader_;
  File file_;
  std::uint64_t tensors_ = 0;
  std::uint64_t keys_ = 0;
  std::unordered_set<std::string> names_;
};

}  // namespace

base::Result<File> parse(const ReadAt& read_at, std::uint64_t file_bytes, const std::string& path) {
  return Parser(read_at, file_bytes, path).parse();
}

}  // namespace moestress::gguf
