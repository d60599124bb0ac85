#pragma once

#include <cstdint>
#include <span>

#include "protocol/result_builder.h"
#include "record/routing.h"

namespace moestress::protocol {

/// How the choice of experts goes on from token to token, and what a cache of some of them would hit: figures
/// and tables, each beside the same trace in random order or what uniform routing would give. No verdict.
void note_locality(std::span<const record::RoutingTrace> traces, std::uint64_t seed, ResultBuilder& result);

}  // namespace moestress::protocol
