#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "engine/batcher.h"
#include "engine/model.h"
#include "engine/moe_layer_reader.h"
#include "quality/score_file.h"

namespace moestress::app {

/// Adds to each text what its layers with experts took in and gave out; where another file holds that of the
/// same text, what they give out for the inputs of that. Texts are evaluated several in a batch, one after
/// the other as if they were one: what a layer makes of a token's input does not depend on the others.
class LayerPass {
 public:
  /// `from`: a score file of the same texts, or "". Errors: those of MoeLayerReader::create and ScoreReader.
  static base::Result<LayerPass> open(const std::shared_ptr<const engine::Model>& model,
                                      engine::ContextOptions context, const std::string& from,
                                      std::size_t texts, const base::Logger& engine_log);

  /// Takes texts in their order, and writes those of a batch together. Errors: those of the reader and the
  /// writer; Format (the other file's inputs are of another model).
  base::Status add(quality::ScoredText text, quality::ScoreWriter& writer);
  /// Writes the last ones.
  base::Status flush(quality::ScoreWriter& writer);

 private:
  LayerPass() = default;
  base::Status take_inputs(std::size_t text_tokens);
  base::Status evaluate();

  std::unique_ptr<engine::MoeLayerReader> reader_;
  std::optional<quality::ScoreReader> from_;
  std::vector<quality::ScoredText> texts_;      ///< of the batch
  std::size_t text_tokens_ = 0;                 ///< theirs
  std::vector<std::size_t> layer_tokens_;       ///< by text: the tokens whose layers are kept
  std::vector<record::MoeActivations> inputs_;  ///< by text, where another file's are taken
  bool forced_ = false;                         ///< another file had inputs for a text before this
  std::size_t text_tokens_max_ = 0;             ///< that the file has room for, of each text
};

}  // namespace moestress::app
