#include "app/base_fit.h"

#include <algorithm>
#include <vector>

#include "base/log.h"
#include "engine/activation_reader.h"
#include "engine/model.h"
#include "workload/prompts.h"

namespace moestress::app {
namespace {

/// Texts of each domain, and the most tokens of one. Measured to be enough for routing by subject; more takes
/// longer.
constexpr std::size_t kTextsPerDomain = 2;
constexpr std::size_t kTextTokens = 144;

using Text = std::vector<engine::Token>;

/// As many prompts of a domain as fill a text, in one user's message, so that a template's own words are few.
base::Result<std::vector<Text>> texts_of(const engine::Model& model) {
  std::vector<Text> texts;
  for (const workload::Domain domain : workload::kDomains) {
    const auto prompts = workload::prompts(domain);
    auto prompt = prompts.begin();
    for (std::size_t text = 0; text < kTextsPerDomain; ++text) {
      Text tokens;
      record::Message message{"user", {}};
      while (prompt != prompts.end() && tokens.size() < kTextTokens) {
        message.content += (message.content.empty() ? "" : "\n\n") + (prompt++)->text;
        std::string words = message.content;
        // One text of each domain begins as a conversation, the others with words of their own: what the
        // model makes of a text's first token is special.
        if (text == 0 && model.has_chat_template()) {
          MOESTRESS_TRY(words, model.apply_chat_template({&message, 1}));
        }
        tokens = model.tokenize(words, true, true);
      }
      tokens.resize(std::min(tokens.size(), kTextTokens));
      if (!tokens.empty()) texts.push_back(std::move(tokens));
    }
  }
  return texts;
}

/// Tokens that a text begins with as the first does: they are looked at once.
std::size_t common_prefix(const Text& text, const Text& first) {
  const auto end = std::mismatch(text.begin(), text.end(), first.begin(), first.end()).first;
  return static_cast<std::size_t>(end - text.begin());
}

}  // namespace

base::Result<forge::Fitted> fit_to_base(const std::shared_ptr<const engine::Model>& model,
                                        forge::Topology kind, std::uint64_t seed,
                                        const std::function<void(double share)>& progress) {
  MOESTRESS_TRY(const std::vector<Text> texts, texts_of(*model));

  engine::ContextOptions context;
  context.slots = 1;
  context.context_tokens = kTextTokens;
  context.batch_tokens = kTextTokens;
  MOESTRESS_TRY(const auto reader, engine::ActivationReader::create(model, context, {"ffn_norm", "ffn_gate"},
                                                                    base::Logger(base::LogLevel::Error)));
  const auto layers = static_cast<std::size_t>(model->info().layers);
  std::vector<std::vector<float>> inputs(layers);
  forge::Fitted fitted;
  fitted.gates.resize(layers);
  MOESTRESS_TRY_STATUS(reader->read(texts, [&](std::size_t text, std::size_t node, int layer,
                                               std::span<const float> rows) {
    const auto at = static_cast<std::size_t>(layer);
    if (at == 0) progress(static_cast<double>(text) / static_cast<double>(texts.size()));
    const std::size_t width = rows.size() / texts[text].size();
    if (node == 1) {
      fitted.gates[at].add(rows, width);
      return;
    }
    const std::size_t seen = text == 0 ? 0 : common_prefix(texts[text], texts.front());
    inputs[at].insert(inputs[at].end(), rows.begin() + static_cast<std::ptrdiff_t>(seen * width), rows.end());
  }));
  std::size_t tokens = 0;
  for (const Text& text : texts) tokens += text.size();
  for (forge::GateStatistics& gates : fitted.gates) gates.finish(tokens);
  MOESTRESS_TRY(fitted.routers,
                forge::fit_routers(kind, inputs, static_cast<std::size_t>(model->info().embedding), seed));
  return fitted;
}

}  // namespace moestress::app
