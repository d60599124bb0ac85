#include "protocol/model_facts.h"

#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "workload/requests.h"

namespace moestress::protocol {

std::int64_t ModelFacts::count_tokens(std::string_view text) const {
  return static_cast<std::int64_t>(tokenizer->tokenize(text, false, false).size());
}

std::string ModelFacts::filler_text(int tokens, std::uint64_t seed) const {
  // An estimate for large vocabularies; a small one needs more tokens for the same text.
  constexpr int kSpare = 16;
  const std::string text = workload::filler_text(tokens + tokens / 8 + kSpare, seed);
  std::vector<engine::Token> all = tokenizer->tokenize(text, false, false);
  all.resize(std::min(all.size(), static_cast<std::size_t>(tokens)));
  return tokenizer->detokenize(all);
}

std::int64_t ModelFacts::count_prompt_tokens(const record::Request& request) const {
  if (request.endpoint == record::Endpoint::Completion)
    return static_cast<std::int64_t>(tokenizer->tokenize(request.prompt, true, true).size());
  if (request.endpoint != record::Endpoint::Chat) return -1;  // how shimmy frames a prompt is its own affair
  const auto text = tokenizer->apply_chat_template(request.messages);
  if (!text) return -1;
  return static_cast<std::int64_t>(tokenizer->tokenize(*text, true, true).size());
}

base::Result<ModelFacts> read_model_facts(const std::string& path, const base::Logger& logger) {
  ModelFacts facts;
  facts.path = path;
  facts.name = facts.id = std::filesystem::path(path).stem().string();
  MOESTRESS_TRY(facts.file, gguf::read(path));
  MOESTRESS_TRY(facts.topology, gguf::topology(facts.file));
  if (facts.topology.experts == 0)
    return base::fail(
        base::ErrorCode::Unsupported,
        "{}: a dense model ({}): it has no experts to place or to test; name a Mixture-of-Experts model",
        path, base::printable(facts.topology.architecture, 40));
  facts.random_weights = gguf::random_weights(facts.file);
  engine::LoadOptions load;
  load.path = path;
  load.device = "cpu";
  load.vocabulary_only = true;
  MOESTRESS_TRY(facts.tokenizer, engine::Model::load(load, logger));
  return facts;
}

record::ModelResult model_result(const ModelFacts& facts, const std::string& placement) {
  record::ModelResult result;
  result.id = facts.id;
  result.path = facts.path;
  result.architecture = facts.topology.architecture;
  result.layers = facts.topology.layers;
  result.experts = facts.topology.experts;
  result.experts_used = facts.topology.experts_used;
  result.experts_shared = facts.topology.experts_shared;
  result.placement = placement;
  return result;
}

}  // namespace moestress::protocol
