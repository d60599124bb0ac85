#include "engine/scorer.h"

#include <algorithm>
#include <utility>

#include "engine/decode_context.h"

namespace moestress::engine {
namespace {

/// A piece of a text in a batch.
struct Piece {
  std::size_t text = 0;
  int sequence = 0;
  std::size_t first = 0;  ///< token of the text
  std::size_t count = 0;
};

}  // namespace

class Scorer::Context {
 public:
  explicit Context(std::unique_ptr<DecodeContext> decode) : decode_(std::move(decode)) {}

  base::Status score(std::span<const std::vector<Token>> texts,
                     const std::function<void(std::size_t index, Score score)>& done);
  std::vector<MemoryUse> memory() const { return decode_->memory(); }

 private:
  base::Status check(std::span<const std::vector<Token>> texts) const;
  std::vector<Piece> plan(std::span<const std::vector<Token>> texts);
  base::Status evaluate(std::span<const std::vector<Token>> texts, const std::vector<Piece>& pieces);

  std::unique_ptr<DecodeContext> decode_;
  std::size_t next_text_ = 0;   ///< the first that is not wholly in batches
  std::size_t next_token_ = 0;  ///< of it
  int next_sequence_ = 0;       ///< that it has, or will have
  Score partial_;               ///< of the text that began in an earlier batch
};

base::Status Scorer::Context::check(std::span<const std::vector<Token>> texts) const {
  const ContextOptions& options = decode_->options();
  for (std::size_t text = 0; text < texts.size(); ++text) {
    if (texts[text].size() > static_cast<std::size_t>(options.context_tokens)) {
      return base::fail(base::ErrorCode::Limit,
                        "Text {} has {} tokens, but the context has {}. Raise the context.", text,
                        texts[text].size(), options.context_tokens);
    }
    for (Token token : texts[text]) {
      if (token >= 0 && token < decode_->model().info().vocabulary) continue;
      return base::fail(base::ErrorCode::Usage, "Text {} has token {}; the vocabulary has 0 to {}.", text,
                        token, decode_->model().info().vocabulary - 1);
    }
  }
  return {};
}

/// Fills a batch with texts in their order, each a sequence of its own. Only its last one may be cut; the
/// next batch goes on with that.
std::vector<Piece> Scorer::Context::plan(std::span<const std::vector<Token>> texts) {
  const ContextOptions& options = decode_->options();
  auto room = static_cast<std::size_t>(options.batch_tokens);
  std::vector<Piece> pieces;
  while (next_text_ < texts.size() && room > 0 && pieces.size() < static_cast<std::size_t>(options.slots)) {
    const std::size_t left = texts[next_text_].size() - next_token_;
    const std::size_t count = std::min(left, room);
    pieces.push_back({next_text_, next_sequence_, next_token_, count});
    room -= count;
    next_token_ += count;
    if (next_token_ < texts[next_text_].size()) break;
    ++next_text_;
    next_token_ = 0;
    next_sequence_ = (next_sequence_ + 1) % options.slots;
  }
  return pieces;
}

base::Status Scorer::Context::evaluate(std::span<const std::vector<Token>> texts,
                                       const std::vector<Piece>& pieces) {
  std::vector<BatchEntry> batch;
  for (const Piece& piece : pieces) {
    if (piece.first == 0) decode_->clear(piece.sequence);
    for (std::size_t i = piece.first; i < piece.first + piece.count; ++i) {
      batch.push_back({texts[piece.text][i], static_cast<int>(i), piece.sequence, true});
    }
  }
  if (batch.empty()) return {};
  return decode_->decode(batch, decode_->options().trace_routing);
}

base::Status Scorer::Context::score(std::span<const std::vector<Token>> texts,
                                    const std::function<void(std::size_t index, Score score)>& done) {
  MOESTRESS_TRY_STATUS(check(texts));
  next_text_ = next_token_ = 0;
  next_sequence_ = 0;
  for (int sequence = 0; sequence < decode_->options().slots; ++sequence) decode_->clear(sequence);
  while (next_text_ < texts.size()) {
    const std::vector<Piece> pieces = plan(texts);
    MOESTRESS_TRY_STATUS(evaluate(texts, pieces));
    std::size_t entry = 0;
    for (const Piece& piece : pieces) {
      if (piece.first == 0) {
        partial_ = {};
        partial_.vocabulary = decode_->model().info().vocabulary;
        partial_.logits.reserve(texts[piece.text].size() * static_cast<std::size_t>(partial_.vocabulary));
        if (decode_->options().trace_routing) partial_.routing = decode_->empty_trace();
      }
      for (std::size_t i = 0; i < piece.count; ++i, ++entry) {
        const std::span<const float> logits = decode_->logits(entry);
        partial_.logits.insert(partial_.logits.end(), logits.begin(), logits.end());
        if (partial_.routing) decode_->append_routing(entry, *partial_.routing);
      }
      if (piece.first + piece.count == texts[piece.text].size()) done(piece.text, std::move(partial_));
    }
  }
  return {};
}

Scorer::Scorer() = default;
Scorer::~Scorer() = default;

base::Result<std::unique_ptr<Scorer>> Scorer::create(std::shared_ptr<const Model> model,
                                                     const ContextOptions& options,
                                                     const base::Logger& logger) {
  MOESTRESS_TRY(auto decode, DecodeContext::create(std::move(model), options, options.batch_tokens, logger));
  std::unique_ptr<Scorer> scorer(new Scorer);
  scorer->context_ = std::make_unique<Context>(std::move(decode));
  return scorer;
}

base::Status Scorer::score(std::span<const std::vector<Token>> texts,
                           const std::function<void(std::size_t index, Score score)>& done) {
  return context_->score(texts, done);
}

std::vector<MemoryUse> Scorer::memory() const { return context_->memory(); }

}  // namespace moestress::engine
