#pragma once

#include <string_view>
#include <vector>

#include "protocol/tests.h"
#include "protocol/time_model.h"

namespace moestress::protocol {

/// A test of the plan and what it will ask of the target.
struct Forecast {
  const Test* test = nullptr;
  Work work;
};

/// The plan's tests on one model, in the order of running. The first that needs the target pays for its
/// start; with a GPU made of software that only shows placements (`stand_in`), so does the first that talks
/// to it.
std::vector<Forecast> forecast(const WorkInput& input, bool stand_in);

/// Bytes of weights that decoding a token reads, by the file.
double weight_bytes_per_token(const WorkInput& input, const record::ExpertPlacement& placement);

/// Speeds of `moestress serve` as this machine's memory bandwidth suggests them: nothing is asked of a
/// target. Right within a factor of two or three, which is what a look ahead needs.
Speeds predicted_speeds(const WorkInput& input, const record::ExpertPlacement& placement,
                        double bandwidth_bytes_per_s);

}  // namespace moestress::protocol
