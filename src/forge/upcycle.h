#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "forge/random_model.h"
#include "forge/wide_neurons.h"

namespace moestress::forge {

/// What was learnt of the dense model by running it.
struct Fitted {
  std::vector<std::vector<float>>
      routers;                        ///< [layers][experts × embedding]; empty for a layer that stays dense
  std::vector<GateStatistics> gates;  ///< [layers]
};

/// A router for each layer that gets experts, from what the dense model's feed-forwards took in
/// ([layers][tokens × embedding]), by cluster_router. Two layers at a time. Errors: Unsupported (fewer tokens
/// than experts).
base::Result<std::vector<std::vector<float>>> fit_routers(Topology kind,
                                                          const std::vector<std::vector<float>>& inputs,
                                                          std::size_t embedding, std::uint64_t seed);

/// What a speaking model is made from. The same specification and base always give the same bytes.
struct UpcycleSpec {
  Topology kind = Topology::GptOss;
  std::string base;        ///< GGUF of a dense model: llama architecture, SiLU-gated feed-forward
  std::uint64_t seed = 1;  ///< of what makes experts differ, and of the router
  double spread = 0.05;    ///< how far each expert's neurons are from the base's; 0: all experts alike
  std::optional<std::uint32_t> experts_type;  ///< ggml's number; none: as the base's feed-forward is
  const Fitted* fitted = nullptr;             ///< to the base; without it routers are random
};

/// ggml's number for an `--experts-type`: Q4_1, Q8_0, Q5_0, MXFP4 or F16. Errors: Usage, listing them.
base::Result<std::uint32_t> experts_type_from(std::string_view name);

/// Turns a dense model into a Mixture of Experts that still speaks, by sparse upcycling (Komatsuzaki et al.
/// 2022, arXiv 2212.05055): every expert is the base's feed-forward, its neurons scaled by seeded factors 1 ±
/// spread; attention, embeddings, tokenizer and chat template are carried over. phimoe and gpt-oss compute
/// the base's function exactly with a spread of 0, but for rounding; in deepseek the shared experts are the
/// base's feed-forward and the routed ones, each half of its neurons, add ± spread of themselves. Quantised
/// blocks are copied, or scaled in their factors; nothing is quantised anew unless `experts_type` asks for
/// it. Just over half of deepseek's layers stay dense. Where `fitted`, routers send alike inputs to the same
/// experts (router.h), and gpt-oss gets neurons for gates beyond its limit (wide_neurons.h). Written like
/// write_random_model; holds one of the base's tensors at a time. Errors: those of gguf::read; Unsupported
/// (the base is of another architecture, is itself a Mixture of Experts, lacks a tensor, or has one in a type
/// whose blocks are not of 32 values); Io.
base::Status write_upcycled_model(const UpcycleSpec& spec, const std::string& path,
                                  const std::function<void(double)>& progress = {});

}  // namespace moestress::forge
