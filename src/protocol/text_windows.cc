#include "protocol/text_windows.h"

#include <algorithm>

namespace moestress::protocol {
namespace {

/// When byte `end` of the reply had come.
base::Duration arrival(const record::Outcome& outcome, std::size_t end) {
  std::size_t bytes = 0;
  for (const record::Chunk& chunk : outcome.chunks) {
    bytes += chunk.text.size();
    if (bytes >= end) return chunk.at;
  }
  return outcome.last_text;
}

int loop_of(const quality::Degeneration& figures) {
  const bool loops = figures.looping && static_cast<double>(figures.loop_tokens) >=
                                            kLoopShareMin * static_cast<double>(figures.tokens);
  return loops ? figures.loop_period : 0;
}

}  // namespace

std::vector<TextWindow> text_windows(const ModelFacts& facts, const record::Outcome& outcome) {
  const auto tokens = facts.tokenizer->tokenize(outcome.text, false, false);
  std::vector<TextWindow> windows;
  std::size_t end = 0;
  for (std::size_t begin = 0; begin + kTextWindowTokens <= tokens.size(); begin += kTextWindowTokens) {
    const auto window = std::span(tokens).subspan(begin, kTextWindowTokens);
    const std::string text = facts.tokenizer->detokenize(window);
    end += text.size();
    windows.push_back({arrival(outcome, end), quality::degeneration(text, window)});
  }
  return windows;
}

int loop_in_reply(const ModelFacts& facts, const record::Outcome& outcome,
                  const std::vector<TextWindow>& windows) {
  for (const TextWindow& window : windows)
    if (const int period = loop_of(window.figures); period > 0) return period;
  const auto tokens = facts.tokenizer->tokenize(outcome.text, false, false);
  const auto tail = std::span(tokens).last(std::min(tokens.size(), kTextWindowTokens));
  return loop_of(quality::degeneration(facts.tokenizer->detokenize(tail), tail));
}

}  // namespace moestress::protocol
