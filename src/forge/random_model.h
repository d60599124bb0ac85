#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"

namespace moestress::forge {

/// The three shapes of expert routing that the protocol is about: routed experts, active ones, shared ones.
enum class Topology {
  GptOss,    ///< 32 experts, 4 active, none shared; biases, attention sinks
  PhiMoe,    ///< 16 experts, 2 active, none shared
  DeepSeek,  ///< 64 experts, 6 active, 2 shared, a leading dense layer
};

enum class Size {
  Tiny,   ///< at most 3 MB: unit and integration tests
  Small,  ///< 50 to 200 MB: runs that measure
};

/// What a random model is made from. The same specification always gives the same bytes.
struct RandomModelSpec {
  Topology kind = Topology::GptOss;
  Size size = Size::Tiny;
  std::uint64_t seed = 1;
};

/// "gpt-oss", "phimoe", "deepseek": as the command line takes them.
const char* to_string(Topology topology);
const char* to_string(Size size);
/// Errors: Usage, naming what there is.
base::Result<Topology> topology_from(const std::string& name);
base::Result<Size> size_from(const std::string& name);

/// Writes a model with random weights as GGUF to `path`: first to a name of its own beside it, renamed when
/// complete, so that `path` never names half a model. Holds about a megabyte of values at a time. `progress`
/// is called on this thread with the share written, 0..1. Errors: Io (the text says which call failed on
/// which file).
base::Status write_random_model(const RandomModelSpec& spec, const std::string& path,
                                const std::function<void(double)>& progress = {});

}  // namespace moestress::forge
