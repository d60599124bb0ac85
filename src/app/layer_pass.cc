#include "app/layer_pass.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "record/routing_agreement.h"

namespace moestress::app {
namespace {

constexpr std::size_t kBatchTokens = 512;
/// Tokens of a text, and bytes of a file, whose layers are kept.
constexpr std::size_t kTextTokensMax = 256;
constexpr std::size_t kBytesMax = std::size_t{512} << 20;

}  // namespace

base::Result<LayerPass> LayerPass::open(const std::shared_ptr<const engine::Model>& model,
                                        engine::ContextOptions context, const std::string& from,
                                        std::size_t texts, const base::Logger& engine_log) {
  LayerPass pass;
  context.context_tokens = context.batch_tokens = static_cast<int>(kBatchTokens);
  MOESTRESS_TRY(pass.reader_, engine::MoeLayerReader::create(model, context, engine_log));
  // Shared evenly: an expert can be told from others if it was used in several texts.
  const engine::ModelInfo& info = model->info();
  const std::size_t bytes_a_token = 2 * sizeof(float) * static_cast<std::size_t>(info.moe_layers) *
                                    static_cast<std::size_t>(info.embedding);
  pass.text_tokens_max_ = std::clamp(kBytesMax / (std::max<std::size_t>(texts, 1) * bytes_a_token),
                                     std::size_t{1}, kTextTokensMax);
  if (!from.empty()) {
    MOESTRESS_TRY(pass.from_, quality::ScoreReader::open(from));
  }
  return {std::move(pass)};
}

base::Status LayerPass::add(quality::ScoredText text, quality::ScoreWriter& writer) {
  const std::size_t tokens = text.tokens.size();
  if (!texts_.empty() && text_tokens_ + tokens > kBatchTokens) MOESTRESS_TRY_STATUS(flush(writer));
  MOESTRESS_TRY_STATUS(take_inputs(tokens));
  texts_.push_back(std::move(text));
  text_tokens_ += tokens;
  return {};
}

/// How many tokens of the next text are looked at: as many as the other file holds, or as there is room for.
base::Status LayerPass::take_inputs(std::size_t text_tokens) {
  std::size_t tokens = std::min(text_tokens, text_tokens_max_);
  if (from_) {
    MOESTRESS_TRY(auto same, from_->next());
    if (same && same->activations && !same->activations->inputs.empty()) {
      tokens = same->activations->tokens();
      if (!inputs_.empty() && (!record::same_topology(inputs_.front().routing, same->activations->routing) ||
                               inputs_.front().width != same->activations->width))
        return base::fail(base::ErrorCode::Format,
                          "text {}: its layers are of another model than those before",
                          base::printable(same->id, 80));
      inputs_.push_back(std::move(*same->activations));
      forced_ = true;
    } else if (forced_) {
      tokens = 0;  // the other file has none of this one
    }
  }
  layer_tokens_.push_back(tokens);
  return {};
}

base::Status LayerPass::evaluate() {
  std::vector<engine::Token> joined;
  for (std::size_t i = 0; i < texts_.size(); ++i)
    joined.insert(joined.end(), texts_[i].tokens.begin(),
                  texts_[i].tokens.begin() + static_cast<std::ptrdiff_t>(layer_tokens_[i]));
  if (joined.empty()) return {};
  std::optional<record::MoeActivations> forced;
  if (!inputs_.empty()) forced = record::join_inputs(inputs_);
  MOESTRESS_TRY(const auto all, reader_->read(joined, forced ? &*forced : nullptr));
  std::size_t first = 0;
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    if (layer_tokens_[i] == 0) continue;
    texts_[i].activations = record::slice(all, first, layer_tokens_[i]);
    first += layer_tokens_[i];
  }
  return {};
}

base::Status LayerPass::flush(quality::ScoreWriter& writer) {
  MOESTRESS_TRY_STATUS(evaluate());
  for (const auto& text : texts_) MOESTRESS_TRY_STATUS(writer.add(text));
  texts_.clear();
  inputs_.clear();
  layer_tokens_.clear();
  text_tokens_ = 0;
  return {};
}

}  // namespace moestress::app
