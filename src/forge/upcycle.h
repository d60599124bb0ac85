#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "forge/random_model.h"

namespace moestress::forge {

/// What a speaking model is made from. The same specification and base always give the same bytes.
struct UpcycleSpec {
  Topology kind = Topology::GptOss;
  std::string base;        ///< GGUF of a dense model: llama architecture, SiLU-gated feed-forward
  std::uint64_t seed = 1;  ///< of what makes experts differ, and of the router
  double spread = 0.05;    ///< how far each expert's neurons are from the base's; 0: all experts alike
};

/// Turns a dense model into a Mixture of Experts that still speaks, by sparse upcycling (Komatsuzaki et al.
/// 2022, arXiv 2212.05055): every expert is the base's feed-forward, its neurons scaled by seeded factors 1 ±
/// spread; attention, embeddings, tokenizer and chat template are carried over. phimoe and gpt-oss compute
/// the base's function exactly with a spread of 0, but for rounding; in deepseek the shared experts are the
/// base's feed-forward and the routed ones, each half of its neurons, add ± spread of themselves. Quantised
/// blocks are copied, or scaled in their factors: nothing is quantised anew. The first half of deepseek's
/// layers stays dense. Written like write_random_model; holds one of the base's tensors at a time. Errors:
/// those of gguf::read; Unsupported (the base is of another architecture, is itself a Mixture of Experts,
/// lacks a tensor, or has one in a type whose blocks are not of 32 values); Io.
base::Status write_upcycled_model(const UpcycleSpec& spec, const std::string& path,
                                  const std::function<void(double)>& progress = {});

}  // namespace moestress::forge
