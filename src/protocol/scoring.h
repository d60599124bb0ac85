#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "protocol/rig.h"

namespace moestress::protocol {

struct ScoringText {
  std::string id;
  std::string text;
  bool chat = true;  ///< put into the model's template as a user's message
};

/// One run of `moestress score`, on one placement.
struct ScoringJob {
  std::string name;   ///< of the file it leaves, unique in a test
  std::string model;  ///< GGUF file; empty: the one under test
  std::string device = "auto";
  std::string experts = "cpu";
  std::vector<ScoringText> texts;  ///< or
  std::string from;                ///< a score file whose tokens are scored again
  int generate = 0;                ///< tokens of a greedy reply to each text
  int context_tokens = 1024;
  int slots = 8;
  bool trace = false;
  bool logits = true;
  bool other_rounding = false;  ///< engine::ContextOptions
};

/// Runs it in a process of its own and gives the score file's path. Errors: what the process said of its end;
/// Timeout for one that makes no progress; Cancelled on interruption.
base::Result<std::string> run_scoring(Rig& rig, const ScoringJob& job);

}  // namespace moestress::protocol
