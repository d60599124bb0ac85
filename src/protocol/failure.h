#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>

#include "record/outcome.h"

namespace moestress::protocol {

/// How a request failed, "ended as reset: …"; absent for one that is complete, or that we cancelled
/// ourselves.
inline std::optional<std::string> failure_of(const record::Outcome& outcome) {
  if (outcome.ok() || outcome.ending == record::Ending::Cancelled) return std::nullopt;
  return fmt::format("ended as {}: {}", record::to_string(outcome.ending), outcome.detail);
}

}  // namespace moestress::protocol
