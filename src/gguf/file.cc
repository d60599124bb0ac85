#include "gguf/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

namespace moestress::gguf {
namespace {

/// An open file descriptor. Owned by one scope.
class OpenFile {
 public:
  explicit OpenFile(const std::string& path)
      : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

std::optional<std::uint64_t> as_unsigned(const Value& value) {
  if (const auto* number = std::get_if<std::uint64_t>(&value)) return *number;
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? 1 : 0;
  if (const auto* number = std::get_if<std::int64_t>(&value); number != nullptr && *number >= 0)
    return static_cast<std::uint64_t>(*number);
  return std::nullopt;
}

}  // namespace

const char* to_string(ValueType type) {
  switch (type) {
    case ValueType::U8:
      return "u8";
    case ValueType::I8:
      return "i8";
    case ValueType::U16:
      return "u16";
    case ValueType::I16:
      return "i16";
    case ValueType::U32:
      return "u32";
    case ValueType::I32:
      return "i32";
    case ValueType::F32:
      return "f32";
    case ValueType::Bool:
      return "bool";
    case ValueType::String:
      return "string";
    case ValueType::Array:
      return "array";
    case ValueType::U64:
      return "u64";
    case ValueType::I64:
      return "i64";
    case ValueType::F64:
      return "f64";
  }
  return "?";
}

const Value* File::find(const std::string& key) const {
  const auto found = metadata.find(key);
  return found == metadata.end() ? nullptr : &found->second;
}

const Tensor* File::find_tensor(const std::string& name) const {
  const auto found =
      std::find_if(tensors.begin(), tensors.end(), [&](const Tensor& tensor) { return tensor.name == name; });
  return found == tensors.end() ? nullptr : &*found;
}

std::optional<std::uint64_t> File::unsigned_at(const std::string& key) const {
  const Value* value = find(key);
  return value == nullptr ? std::nullopt : as_unsigned(*value);
}

std::optional<std::string> File::string_at(const std::string& key) const {
  const Value* value = find(key);
  const auto* text = value == nullptr ? nullptr : std::get_if<std::string>(value);
  return text == nullptr ? std::nullopt : std::optional(*text);
}

std::optional<std::vector<std::uint64_t>> File::per_layer(const std::string& key, std::size_t layers) const {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto number = as_unsigned(*value)) return std::vector<std::uint64_t>(layers, *number);
  const auto* array = std::get_if<Array>(value);
  if (array == nullptr || array->numbers.size() != layers) return std::nullopt;
  std::vector<std::uint64_t> figures;
  for (const double number : array->numbers) {
    if (!(number >= 0 && number < 0x1p53) || number != std::floor(number)) return std::nullopt;
    figures.push_back(static_cast<std::uint64_t>(number));
  }
  return figures;
}

bool random_weights(const File& file) { return file.string_at("moestress.weights") == "random"; }

base::Result<File> read(const std::string& path) {
  const OpenFile file(path);
  struct stat status {};
  if (file.descriptor() < 0 || ::fstat(file.descriptor(), &status) != 0)
    return base::fail(base::ErrorCode::Io, "can't open model file {}: {}", path, std::strerror(errno));
  if (!S_ISREG(status.st_mode))
    return base::fail(base::ErrorCode::Io, "{} is not a regular file; name a .gguf file", path);
  const ReadAt read_at = [&](std::uint64_t offset, std::span<char> into) -> std::size_t {
    ssize_t bytes = -1;
    do {
      bytes = ::pread(file.descriptor(), into.data(), into.size(), static_cast<off_t>(offset));
    } while (bytes < 0 && errno == EINTR);
    return bytes < 0 ? 0 : static_cast<std::size_t>(bytes);
  };
  return parse(read_at, static_cast<std::uint64_t>(status.st_size), path);
}

}  // namespace moestress::gguf
