#include "app/fidelity.h"

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/log.h"
#include "engine/model.h"
#include "engine/scorer.h"
#include "quality/logits.h"
#include "stats/quantile.h"

namespace moestress::app {
namespace {

constexpr std::size_t kPieceTokens = 256;
constexpr std::size_t kPieces = 4;

using Pieces = std::vector<std::vector<engine::Token>>;

base::Status score(const std::shared_ptr<const engine::Model>& model, const Pieces& pieces,
                   const std::function<void(std::size_t piece, engine::Score score)>& done) {
  engine::ContextOptions context;
  context.slots = 1;
  context.context_tokens = kPieceTokens;
  MOESTRESS_TRY(auto scorer, engine::Scorer::create(model, context, base::Logger(base::LogLevel::Error)));
  return scorer->score(pieces, done);
}

Pieces cut(const engine::Model& model, std::string_view text) {
  const std::vector<engine::Token> tokens = model.tokenize(text, false, false);
  Pieces pieces;
  for (std::size_t at = 0; at + kPieceTokens <= tokens.size() && pieces.size() < kPieces; at += kPieceTokens)
    pieces.emplace_back(tokens.begin() + static_cast<std::ptrdiff_t>(at),
                        tokens.begin() + static_cast<std::ptrdiff_t>(at + kPieceTokens));
  return pieces;
}

}  // namespace

base::Result<std::shared_ptr<const engine::Model>> load_on_cpu(const std::string& path) {
  engine::LoadOptions options;
  options.path = path;
  options.device = "cpu";
  return engine::Model::load(options, base::Logger(base::LogLevel::Error));
}

base::Result<FidelityMeter> FidelityMeter::create(const std::shared_ptr<const engine::Model>& base_model,
                                                  std::string_view text, const Progress& progress) {
  FidelityMeter meter;
  meter.base_path_ = base_model->info().path;
  meter.pieces_ = cut(*base_model, text);
  if (meter.pieces_.empty())
    return base::fail(base::ErrorCode::Usage, "the text is shorter than {} tokens", kPieceTokens);
  meter.expected_.resize(meter.pieces_.size());
  progress(0);
  MOESTRESS_TRY_STATUS(score(base_model, meter.pieces_, [&](std::size_t i, engine::Score one) {
    meter.expected_[i] = std::move(one);
    progress(static_cast<double>(i + 1) / static_cast<double>(meter.pieces_.size()));
  }));
  return meter;
}

base::Result<Fidelity> FidelityMeter::measure(const std::string& model_path, const Progress& progress) const {
  MOESTRESS_TRY(const auto model, load_on_cpu(model_path));
  if (model->info().vocabulary != expected_.front().vocabulary)
    return base::fail(base::ErrorCode::Unsupported, "{} and {} have different vocabularies", base_path_,
                      model_path);
  std::vector<double> kl;
  double agreeing = 0;
  progress(0);
  // Compared as they come: the model's logits are in memory for one piece.
  MOESTRESS_TRY_STATUS(score(model, pieces_, [&](std::size_t piece, const engine::Score& actual) {
    const auto width = static_cast<std::size_t>(actual.vocabulary);
    for (std::size_t i = 0; i + 1 < pieces_[piece].size(); ++i) {
      const auto row = [&](const engine::Score& one) {
        return std::span(one.logits).subspan(i * width, width);
      };
      const auto compared = quality::compare_rows(row(expected_[piece]), row(actual),
                                                  static_cast<std::size_t>(pieces_[piece][i + 1]));
      kl.push_back(compared.kl_nats);
      agreeing += compared.baseline_top == compared.other_top ? 1 : 0;
    }
    progress(static_cast<double>(piece + 1) / static_cast<double>(pieces_.size()));
  }));
  Fidelity fidelity;
  fidelity.positions = static_cast<std::int64_t>(kl.size());
  fidelity.kl_nats_mean = stats::summarize(kl).mean;
  fidelity.kl_nats_p99 = stats::quantile(kl, 0.99);
  fidelity.top1_agreement = agreeing / static_cast<double>(kl.size());
  return fidelity;
}

}  // namespace moestress::app
