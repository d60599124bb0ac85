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
  int generate = 0;  ///< tokens of the reply to this one; 0: as many as the job says
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
  bool until_end = false;          ///< a reply ends where the model ends it
  int context_tokens = 1024;
  int slots = 8;
  bool trace = false;
  bool logits = true;
  bool layers = false;  ///< what each layer with experts takes in and gives out, or for `from`'s inputs
  bool other_rounding = false;  ///< engine::ContextOptions
};

/// Runs it in a process of its own and gives the score file's path. Errors: what the process said of its end;
/// Timeout for one that makes no progress; Cancelled on interruption.
base::Result<std::string> run_scoring(Rig& rig, const ScoringJob& job);

/// The texts of the replies in a score file, in its order.
struct Replies {
  std::vector<std::string> ids;
  std::vector<std::string> texts;
};
base::Result<Replies> replies_in(const Rig& rig, const std::string& path);

/// Whether the CPU in another rounding plays GPU-only: a device made of software takes minutes for a sentence
/// of a model that speaks.
bool cpu_plays_gpu(const Rig& rig);
/// Whether both sides are the CPU, and no other file was named to hold the model against: placement changes
/// nothing there, so that sides which agree don't show that offloading keeps what is computed.
bool nothing_is_offloaded(const Rig& rig);
/// Whether the plan's baseline model, if it names one, has the tensors of the model under test, in the same
/// types: then the same kernels compute both. Errors: those of gguf::read.
base::Result<bool> baseline_has_same_types(const Rig& rig);
/// The end of the reason for a verdict that is therefore no PASS.
inline constexpr const char* kNothingOffloaded =
    ": both sides are this CPU with the same file, so offloading is not shown to be harmless; it takes a GPU"
    " to play the baseline, or --baseline-model";
/// A job with the experts as the plan places them, on the device that is compared.
ScoringJob placement_job(const Rig& rig, const std::string& name);
/// A job on the baseline: GPU-only, or what plays it.
ScoringJob baseline_job(const Rig& rig, const std::string& name);

}  // namespace moestress::protocol
