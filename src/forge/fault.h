#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace moestress::forge {

/// Damage that a conversion, an offloading path or a bad disk can do to a Mixture of Experts, and that
/// tests 3.1, 3.2 and 6.1 must find.
enum class FaultKind {
  ZeroExpert,      ///< all weights and biases of one expert are 0
  SwapExperts,     ///< two experts are in each other's place
  ScaleExpert,     ///< weights of one expert × 1.5
  ShuffleRouter,   ///< rows of one layer's router are in another order, none in its place
  TwoBitExperts,   ///< all experts of one layer, shared ones too, rounded to four values in each block of 32
  CollapseRouter,  ///< one layer's router knows two experts, this and the next; all others get what is left
  BlindRouter,     ///< one layer's router is 0: every token goes to the same experts, whatever it is
};

/// "zero-expert", "swap-experts", …; Errors: Usage, naming those that there are.
base::Result<FaultKind> fault_from(std::string_view name);
/// The names that there are, separated by commas.
std::string fault_names();

struct FaultSpec {
  FaultKind kind = FaultKind::ZeroExpert;
  int layer = -1;          ///< of those with experts; -1: the one in the middle
  int expert = 0;          ///< SwapExperts, CollapseRouter: with the one after it
  std::uint64_t seed = 1;  ///< of the router's new order
};

/// Copies the model `from` with one fault. The copy's name says so, and its key `moestress.fault` what and
/// where. For tests only. Errors: those of gguf::read; Usage (a layer without experts, no such expert); Io.
base::Status write_faulty_model(const FaultSpec& spec, const std::string& from, const std::string& path,
                                const std::function<void(double)>& progress = {});

}  // namespace moestress::forge
