#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/model.h"
#include "engine/scorer.h"

namespace moestress::app {

/// Loads a model onto the CPU; its log is left out, but for errors.
base::Result<std::shared_ptr<const engine::Model>> load_on_cpu(const std::string& path);

/// How near a model's distributions over the next token are to another's, teacher-forced on one text.
struct Fidelity {
  std::int64_t positions = 0;
  double kl_nats_mean = 0;  ///< of KL(base ‖ model)
  double kl_nats_p99 = 0;
  double top1_agreement = 0;
};

/// Holds models against one base, on the CPU. Keeps the base's logits of a text in memory: 200 kB for each of
/// about 1,000 tokens where the vocabulary has 50,000.
class FidelityMeter {
 public:
  using Progress = std::function<void(double share)>;

  /// Scores `text`, cut into pieces of 256 tokens, four at most, by the base's tokenizer. Errors: the
  /// engine's; Usage (the text is shorter than a piece).
  static base::Result<FidelityMeter> create(const std::shared_ptr<const engine::Model>& base_model,
                                            std::string_view text, const Progress& progress);

  /// Errors: the engine's; Unsupported (the model's vocabulary has another size).
  base::Result<Fidelity> measure(const std::string& model_path, const Progress& progress) const;

 private:
  std::string base_path_;
  std::vector<std::vector<engine::Token>> pieces_;
  std::vector<engine::Score> expected_;
};

}  // namespace moestress::app
