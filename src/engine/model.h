#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "record/placement.h"
#include "record/request.h"

struct llama_model;

namespace moestress::engine {

using Token = std::int32_t;

struct Device {
  std::string name;         ///< "Vulkan0", "CUDA0", "CPU": as --device takes it
  std::string description;  ///< "llvmpipe (LLVM 15.0.6, 256 bits)"
  bool gpu = false;         ///< has memory of its own as far as the engine knows
  bool software = false;    ///< a GPU made of software (lavapipe): placement is real, speed is not
  std::uint64_t memory_bytes = 0;
};

/// What the engine found on this machine. Loads the backends on first use.
std::vector<Device> devices();

struct LoadOptions {
  std::string path;
  std::string device = "auto";  ///< "auto": the first GPU, else the CPU; "cpu"; or a Device::name
  record::ExpertPlacement experts;
  bool mmap = false;             ///< off gives true byte counts
  bool repack = false;           ///< CPU weight repacking changes rounding; off where numerics are compared
  bool vocabulary_only = false;  ///< tokenizer and chat template, no weights
  std::function<void(float)> progress;  ///< 0..1, on the loading thread; may be empty
};

struct ModelInfo {
  std::string path;
  std::string architecture;  ///< general.architecture
  std::string name;          ///< general.name
  int layers = 0;
  int moe_layers = 0;
  int experts = 0;  ///< routed experts per MoE layer
  int experts_used = 0;
  int experts_shared = 0;
  int vocabulary = 0;
  int embedding = 0;
  int context_trained = 0;  ///< tokens
  std::uint64_t file_bytes = 0;
};

enum class TensorRole { RoutedExpert, SharedExpert, Router, Other };

/// Where one tensor really lives, read back from the engine after loading.
struct TensorPlacement {
  std::string name;
  int layer = -1;  ///< -1: not of a layer
  TensorRole role = TensorRole::Other;
  std::uint64_t bytes = 0;
  std::string buffer;    ///< buffer type: "CPU", "CPU_Mapped", "Vulkan0"
  std::string device;    ///< "CPU", "Vulkan0"
  bool on_host = false;  ///< the buffer is host memory
};

/// Bytes held on one device, from the engine's own books.
struct MemoryUse {
  std::string device;
  bool host = false;
  std::uint64_t model_bytes = 0;
  std::uint64_t context_bytes = 0;  ///< KV cache
  std::uint64_t compute_bytes = 0;
};

/// A loaded model: weights in their places, tokenizer, chat template. Immutable after loading; any thread may
/// use it. Contexts (Batcher, Scorer) share its ownership.
class Model {
 public:
  /// Errors: Io (no such file), Format (not a model that the engine loads; its last error lines are quoted),
  /// Usage (unknown device), Unsupported.
  static base::Result<std::shared_ptr<Model>> load(const LoadOptions& options, const base::Logger& logger);
  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const ModelInfo& info() const { return info_; }
  const Device& device() const { return device_; }  ///< where the non-expert weights are
  const record::ExpertPlacement& experts() const { return experts_; }
  std::vector<TensorPlacement> tensors() const;

  std::vector<Token> tokenize(std::string_view text, bool add_special, bool parse_special) const;
  /// The bytes of one token; may be part of a character. Control tokens give "" unless `special`.
  std::string piece(Token token, bool special = false) const;
  std::string detokenize(std::span<const Token> tokens) const;
  bool is_end_of_generation(Token token) const;
  /// The conversation in the model's own template, opened for the assistant's reply. A beginning-of-text
  /// token that the vocabulary adds is left out of it: tokenize with `add_special`.
  base::Result<std::string> apply_chat_template(std::span<const record::Message> messages) const;
  bool has_chat_template() const;

  llama_model* handle() const { return handle_; }

 private:
  Model() = default;
  struct Templates;
  llama_model* handle_ = nullptr;
  std::unique_ptr<Templates> templates_;
  ModelInfo info_;
  Device device_;
  record::ExpertPlacement experts_;
};

}  // namespace moestress::engine
