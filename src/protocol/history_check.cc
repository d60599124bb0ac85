#include "protocol/history_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "protocol/scoring.h"
#include "quality/score_file.h"

namespace moestress::protocol {
namespace {

constexpr std::size_t kLogitsMax = std::size_t{1} << 28;  // floats of a text
constexpr int kSpareTokens = 8;

struct Forced {
  std::string prompt;
  std::vector<engine::Token> prompt_tokens;
};

/// Whether each token of the reply is the model's choice, or as good as that.
bool is_explained(const quality::ScoredText& text, const Forced& forced, double tolerance_nats) {
  std::size_t begin = 0;  // a template's last token may be spelt anew together with the reply's first
  while (begin < std::min(text.tokens.size(), forced.prompt_tokens.size()) &&
         text.tokens[begin] == forced.prompt_tokens[begin])
    ++begin;
  for (std::size_t i = std::max<std::size_t>(begin, 1); i < text.tokens.size(); ++i) {
    const auto row = text.row(i - 1);
    const float best = *std::max_element(row.begin(), row.end());
    if (best - row[static_cast<std::size_t>(text.tokens[i])] > tolerance_nats) return false;
  }
  return true;
}

}  // namespace

base::Result<HistoryCheck> check_history(Rig& rig, const std::string& name,
                                         std::vector<const Exchange*> exchanges, double tolerance_nats) {
  std::stable_sort(exchanges.begin(), exchanges.end(), [](const Exchange* a, const Exchange* b) {
    return a->outcome->prompt_tokens < b->outcome->prompt_tokens;
  });
  ScoringJob job;
  job.name = "history-" + name;
  job.device = rig.embedded() ? rig.device() : "cpu";  // another server may need the GPU for itself
  job.experts = rig.plan().target.experts;
  job.slots = 1;
  std::vector<Forced> forced;
  const auto vocabulary = static_cast<std::size_t>(rig.facts().topology.vocabulary);
  for (const Exchange* exchange : exchanges) {
    if (forced.size() == kCheckedMax) break;
    if (exchange->outcome->text.empty()) continue;
    MOESTRESS_TRY(const std::string prompt, rig.facts().tokenizer->apply_chat_template(exchange->messages));
    const std::string text = base::replace_invalid_utf8(prompt + exchange->outcome->text);
    const auto tokens = rig.facts().tokenizer->tokenize(text, true, true).size();
    if (tokens * vocabulary > kLogitsMax) continue;
    job.context_tokens = std::max(job.context_tokens, static_cast<int>(tokens) + kSpareTokens);
    job.texts.push_back({fmt::format("{}", forced.size()), text, false});
    forced.push_back({prompt, rig.facts().tokenizer->tokenize(prompt, true, true)});
  }
  HistoryCheck check;
  if (forced.empty()) return check;
  MOESTRESS_TRY(const std::string path, run_scoring(rig, job));
  MOESTRESS_TRY(auto reader, quality::ScoreReader::open(path));
  for (const Forced& one : forced) {
    MOESTRESS_TRY(const auto text, reader.next());
    if (!text || text->vocabulary == 0)
      return base::fail(base::ErrorCode::Format, "{}: holds fewer texts than were scored", path);
    ++check.checked;
    check.explained += is_explained(*text, one, tolerance_nats) ? 1 : 0;
  }
  return check;
}

}  // namespace moestress::protocol
