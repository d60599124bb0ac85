#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/fidelity.h"
#include "base/result.h"
#include "forge/upcycle.h"

namespace moestress::app {

/// The file that says how near a model is to its base, beside the model.
std::string fidelity_path(const std::string& model);

struct UpcyclingOptions {
  forge::Topology topology = forge::Topology::GptOss;
  std::string base;
  std::uint64_t seed = 1;
  std::optional<double> spread;  ///< none: searched
  std::optional<std::uint32_t> experts_type;
  bool measure = true;  ///< against the base; without it the spread must be given
  std::string out;
};

/// A spread that was tried, and how near the model then was to its base.
struct SpreadTrial {
  double spread = 0;
  Fidelity fidelity;
};

struct Upcycled {
  std::vector<SpreadTrial>
      trials;                  ///< the first with experts alike, the last is the model's; none unmeasured
  double forging_seconds = 0;  ///< looking at the base, fitting routers and writing, all trials together
  double measuring_seconds = 0;
};

/// What a spread is searched for: the largest one within both.
inline constexpr double kKlNatsMax = 0.05;
inline constexpr double kTop1Min = 0.90;

/// Makes a model that speaks from a dense one and measures it against that, with experts alike and with them
/// different. Writes what it measured to fidelity_path. `progress` takes a
/// step's name and its share done. Errors: the engine's and forge's; Internal (no spread keeps within the
/// limits).
base::Result<Upcycled> upcycle(const UpcyclingOptions& options,
                               const std::function<void(const char* step, double share)>& progress);

}  // namespace moestress::app
