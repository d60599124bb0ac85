#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "experts/routing_statistics.h"
#include "protocol/result_builder.h"
#include "protocol/rig.h"
#include "protocol/scoring.h"
#include "protocol/work.h"
#include "record/routing.h"

namespace moestress::protocol {

/// What 3.1, 3.2 and S2 call significant of routing.
inline constexpr double kRoutingSignificance = 0.01;

/// Texts whose routing is looked at together.
struct TextSet {
  std::string name;  ///< as it is recorded and shown: "code"
  std::vector<ScoringText> texts;
};

struct RoutingSet {
  std::string name;
  std::vector<record::RoutingTrace> traces;       ///< one for each text
  std::vector<std::vector<std::int32_t>> tokens;  ///< of each text
};

/// The first `count` prompts of a domain that are no longer than the plan's bound. `chat`: in the model's
/// template.
TextSet prompt_texts(const Rig& rig, workload::Domain domain, std::size_t count, bool chat);

struct TracedSets {
  std::string path;  ///< of the score file
  std::vector<RoutingSet> sets;
};

/// Traces all sets in one run of `moestress score` named `job_name`, each text with a greedy reply of
/// `reply_tokens`, and records the traces as "<label><name of the set>". Errors: those of run_scoring; Format
/// (the traces are not well formed).
base::Result<TracedSets> trace_sets(Rig& rig, const std::string& job_name, const std::vector<TextSet>& sets,
                                    int reply_tokens, const std::string& label = "");

/// Of all sets, one after the other.
std::vector<record::RoutingTrace> all_traces(std::span<const RoutingSet> sets);

record::Table share_heatmap(const RoutingSet& set);

/// Two halves of each set must not come out as different, or differences between sets can't be trusted:
/// INVALID. Notes control_p_<set>.
void check_control(Rig& rig, std::span<const RoutingSet> sets, const std::string& test_id,
                   ResultBuilder& result);

/// FAIL for a layer that sends every token to the same experts, whatever it is, or that uses fewer than one
/// and a half times the experts of a single token.
void judge_collapse(std::span<const experts::LayerStatistics> layers, int k, ResultBuilder& result);

/// Says so where a device made of software was left out of it.
void note_stand_in(const Rig& rig, ResultBuilder& result);

/// The verdict for traces that could not be had.
void judge_no_traces(const base::Error& error, ResultBuilder& result);

/// Tokens of the first `count` built-in prompts of each domain within the plan's bound.
std::int64_t work_of_prompts(const WorkInput& input, std::span<const workload::Domain> domains,
                             std::size_t count);

}  // namespace moestress::protocol
