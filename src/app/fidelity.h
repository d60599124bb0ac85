#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace moestress::app {

/// How near a model's distributions over the next token are to another's, teacher-forced on one text.
struct Fidelity {
  std::int64_t positions = 0;
  double kl_nats_mean = 0;  ///< of KL(base ‖ model)
  double kl_nats_p99 = 0;
  double top1_agreement = 0;
};

/// Scores `text`, cut into pieces of 256 tokens by the base's tokenizer, on both models, one after the other,
/// on the CPU. Errors: the engine's; Unsupported (the two have vocabularies of different sizes).
base::Result<Fidelity> measure_fidelity(const std::string& base_path, const std::string& model_path,
                                        std::string_view text);

}  // namespace moestress::app
