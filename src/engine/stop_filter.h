#pragma once

#include <string>
#include <vector>

#include "engine/batcher.h"

namespace moestress::engine {

/// Cuts a reply at the first stop string. A stop string may span tokens, so tokens whose text may be the
/// beginning of one are held back until that is decided. Owned by one generation; one thread.
class StopFilter {
 public:
  explicit StopFilter(std::vector<std::string> stops) : stops_(std::move(stops)) {}

  /// Takes the next token and gives those that are decided now, in order. Once `stopped`, the last of them
  /// may have lost the end of its piece, and the tokens of the stop string are gone.
  struct Decided {
    std::vector<GeneratedToken> tokens;
    bool stopped = false;
  };
  Decided push(GeneratedToken token);

  /// What is still held, when the reply ends otherwise.
  std::vector<GeneratedToken> flush();

 private:
  std::vector<GeneratedToken> release(std::size_t bytes);

  std::vector<std::string> stops_;
  std::vector<GeneratedToken> held_;
  std::string text_;  ///< of the held tokens
};

}  // namespace moestress::engine
