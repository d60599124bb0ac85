#include "forge/f16_copy.h"

#include <fmt/format.h>
#include <ggml.h>
#include <gguf.h>

#include "forge/model_copy.h"
#include "forge/weight_blocks.h"
#include "gguf/file.h"

namespace moestress::forge {
namespace {

bool is_quantised(const gguf::Tensor& tensor) {
  return ggml_is_quantized(static_cast<ggml_type>(tensor.type.id));
}

}  // namespace

base::Status write_f16_copy(const std::string& from, const std::string& path,
                            const std::function<void(double)>& progress) {
  MOESTRESS_TRY(const gguf::File file, gguf::read(from));
  for (const gguf::Tensor& tensor : file.tensors)
    if (is_quantised(tensor) &&
        ggml_get_type_traits(static_cast<ggml_type>(tensor.type.id))->to_float == nullptr)
      return base::fail(base::ErrorCode::Unsupported,
                        "{}: {} is in {}, which the engine can't turn into floats", from, tensor.name,
                        tensor.type.name);
  CopyChanges changes;
  changes.metadata = [&](gguf_context& keys) {
    const std::string name =
        fmt::format("{}, weights in F16", file.string_at("general.name").value_or("a model"));
    gguf_set_val_str(&keys, "general.name", name.c_str());
    gguf_remove_key(&keys, "general.file_type");
  };
  changes.type = [](const gguf::Tensor& tensor) {
    return is_quantised(tensor) ? static_cast<std::uint32_t>(GGML_TYPE_F16) : tensor.type.id;
  };
  changes.data = [](const gguf::Tensor& tensor, std::vector<char>& bytes) {
    if (is_quantised(tensor))
      bytes = blocks_of(GGML_TYPE_F16, values_of(tensor.type.id, bytes),
                        static_cast<std::int64_t>(tensor.dims[0]));
  };
  return write_copy(file, path, changes, progress);
}

}  // namespace moestress::forge
