#pragma once

#include <cstdint>
#include <vector>

#include "protocol/result_builder.h"
#include "protocol/rig.h"

namespace moestress::protocol {

/// What became of the texts beside others, for all levels of 2.2.
struct TextComparisons {
  std::int64_t compared = 0;
  std::int64_t cross_talk = 0;
  std::int64_t near_ties = 0;
};

/// Holds the texts of one level against those alone, each session's replies in order, and judges them. Where
/// a near-tie or rounding could make them part the model's file is asked, by teacher forcing.
void judge_cross_talk(Rig& rig, const std::vector<std::vector<record::Request>>& requests,
                      const std::vector<std::vector<record::Outcome>>& alone,
                      const std::vector<std::vector<record::Outcome>>& beside, TextComparisons& counts,
                      ResultBuilder& result);

}  // namespace moestress::protocol
