// The one place that reads what llama.cpp has no stable API for: tensors' buffers and the memory breakdown.
#include "engine/engine_books.h"

#include <ggml-backend.h>
#if !__has_include("llama-ext.h")
#error \
    "LLAMA_ROOT lacks src/llama-ext.h (llama.cpp v0.5.0 has it): moestress can't read where tensors live without it"
#endif
#include <llama-ext.h>

#include <string>
#include <type_traits>
#include <utility>

#include "engine/model_file.h"

static_assert(std::is_same_v<decltype(llama_get_memory_breakdown(nullptr)), llama_memory_breakdown>,
              "this llama.cpp gives its memory breakdown in another form: adapt engine_books.cc");

// Exported by libllama for its own tools, declared in none of its public headers.
const std::vector<std::pair<std::string, ggml_tensor*>>& llama_internal_get_tensor_map(
    const llama_model* model);

namespace moestress::engine {
namespace {

/// Host memory goes by "CPU", whichever backend allocated it: a GPU's pinned host buffers are RAM.
struct Home {
  std::string device = "CPU";
  bool host = true;
};

Home home_of(ggml_backend_buffer_type_t type) {
  ggml_backend_dev_t device = ggml_backend_buft_get_device(type);
  const bool cpu = !device || ggml_backend_dev_type(device) == GGML_BACKEND_DEVICE_TYPE_CPU;
  // The CPU's repacked weights are in RAM, but say that they aren't host memory, since their layout is
  // private.
  if (cpu || ggml_backend_buft_is_host(type)) return {};
  return {ggml_backend_dev_name(device), false};
}

}  // namespace

std::vector<TensorPlacement> read_placements(const llama_model* model) {
  std::vector<TensorPlacement> placements;
  for (const auto& [name, tensor] : llama_internal_get_tensor_map(model)) {
    ggml_backend_buffer_t buffer = tensor->view_src ? tensor->view_src->buffer : tensor->buffer;
    TensorPlacement placement;
    placement.name = name;
    placement.layer = layer_of(name);
    placement.role = role_of(name);
    placement.bytes = ggml_nbytes(tensor);
    if (buffer) {
      ggml_backend_buffer_type_t type = ggml_backend_buffer_get_type(buffer);
      Home home = home_of(type);
      placement.buffer = ggml_backend_buft_name(type);
      placement.device = std::move(home.device);
      placement.on_host = home.host;
    }
    placements.push_back(std::move(placement));
  }
  return placements;
}

std::vector<MemoryUse> read_memory(const llama_context* context) {
  std::vector<MemoryUse> uses;
  for (const auto& [type, bytes] : llama_get_memory_breakdown(context)) {
    const Home home = home_of(type);
    MemoryUse* use = nullptr;
    for (MemoryUse& known : uses) {
      if (known.device == home.device) use = &known;
    }
    if (!use) {
      uses.push_back({});
      use = &uses.back();
      use->device = home.device;
      use->host = home.host;
    }
    use->model_bytes += bytes.model;
    use->context_bytes += bytes.context;
    use->compute_bytes += bytes.compute;
  }
  return uses;
}

}  // namespace moestress::engine
