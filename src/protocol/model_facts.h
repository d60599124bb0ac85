#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/result.h"
#include "engine/model.h"
#include "gguf/file.h"
#include "gguf/topology.h"
#include "record/request.h"
#include "record/result.h"

namespace moestress::protocol {

/// What is known of a model before any server runs: its file, its topology, its tokenizer.
struct ModelFacts {
  std::string id;  ///< unique in a run: the name, and the placement where there are several
  std::string
      name;  ///< file name without ending; seeds derive from it, so that placements get the same requests
  std::string path;
  gguf::File file;
  gguf::Topology topology;
  bool random_weights = false;  ///< forged: speaks no language, so nothing is said of its quality
  std::shared_ptr<const engine::Model> tokenizer;  ///< vocabulary and chat template only

  /// Tokens of a text by the model's own tokenizer, without special ones.
  std::int64_t count_tokens(std::string_view text) const;
  /// Prose of exactly `tokens` tokens by that tokenizer, to fill a context with.
  std::string filler_text(int tokens, std::uint64_t seed) const;
  /// Tokens of a request's prompt as the model's template renders it; -1 where there is no usable template.
  std::int64_t count_prompt_tokens(const record::Request& request) const;
};

/// Errors: those of gguf and engine; Unsupported for a model without experts.
base::Result<ModelFacts> read_model_facts(const std::string& path, const base::Logger& logger);

/// The model's part of a result, without tests.
record::ModelResult model_result(const ModelFacts& facts, const std::string& placement);

}  // namespace moestress::protocol
