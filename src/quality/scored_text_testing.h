#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <vector>

#include "base/random.h"
#include "quality/score_file.h"

namespace moestress::quality {

/// A text of `tokens` tokens with normal logits and one layer of routing (2 of 8 experts).
inline ScoredText random_text(base::Random& random, const std::string& id, std::size_t tokens,
                              int vocabulary) {
  ScoredText text;
  text.id = id;
  text.vocabulary = vocabulary;
  record::RoutingTrace routing;
  routing.layers = {3};
  routing.experts = 8;
  routing.k = 2;
  routing.tokens = tokens;
  for (std::size_t i = 0; i < tokens; ++i) {
    text.tokens.push_back(static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(vocabulary))));
    for (int v = 0; v < vocabulary; ++v) text.logits.push_back(static_cast<float>(3 * random.normal()));
    const auto expert = static_cast<std::uint16_t>(random.below(8));
    routing.ids.insert(routing.ids.end(), {expert, static_cast<std::uint16_t>((expert + 3) % 8)});
    routing.weights.insert(routing.weights.end(), {0.75F, 0.25F});
  }
  text.routing = std::move(routing);
  return text;
}

/// A file in the tests' folder, removed at the end.
class ScratchFile {
 public:
  explicit ScratchFile(const std::string& name) : path_(testing::TempDir() + "moestress_quality_" + name) {}
  ~ScratchFile() { std::remove(path_.c_str()); }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  const std::string& path() const { return path_; }

  base::Status write(const std::vector<ScoredText>& texts, const ScoreHeader& header = {}) const {
    MOESTRESS_TRY(auto writer, ScoreWriter::create(path_, header));
    for (const ScoredText& text : texts) MOESTRESS_TRY_STATUS(writer.add(text));
    return writer.finish();
  }

 private:
  std::string path_;
};

}  // namespace moestress::quality
