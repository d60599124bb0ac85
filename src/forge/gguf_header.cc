#include "forge/gguf_header.h"

#include <ggml.h>
#include <gguf.h>

#include "base/check.h"

namespace moestress::forge {
namespace {

struct FreeGgml {
  void operator()(ggml_context* ggml) const { ggml_free(ggml); }
};

}  // namespace

void FreeGguf::operator()(gguf_context* gguf) const { gguf_free(gguf); }

base::Result<Gguf> read_keys(const std::string& path) {
  const gguf_init_params only_header{true, nullptr};
  const Gguf whole(gguf_init_from_file(path.c_str(), only_header));
  if (!whole) return base::fail(base::ErrorCode::Format, "{}: ggml can't read its metadata", path);
  Gguf keys(gguf_init_empty());
  CHECK(keys);
  gguf_set_kv(keys.get(), whole.get());
  return keys;
}

std::vector<char> header_bytes(gguf_context& gguf, const std::vector<TensorEntry>& tensors) {
  const ggml_init_params params{ggml_tensor_overhead() * tensors.size(), nullptr, true};
  const std::unique_ptr<ggml_context, FreeGgml> ggml(ggml_init(params));
  CHECK(ggml);
  for (const TensorEntry& entry : tensors) {
    ggml_tensor* tensor = ggml_new_tensor(ggml.get(), static_cast<ggml_type>(entry.type),
                                          static_cast<int>(entry.dims.size()), entry.dims.data());
    ggml_set_name(tensor, entry.name.c_str());
    gguf_add_tensor(&gguf, tensor);
  }
  std::vector<char> bytes(gguf_get_meta_size(&gguf));
  gguf_get_meta_data(&gguf, bytes.data());
  return bytes;
}

}  // namespace moestress::forge
