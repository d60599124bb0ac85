#pragma once

#include <string>
#include <vector>

#include "protocol/result_builder.h"
#include "workload/questions.h"

namespace moestress::protocol {

/// Texts of the same requests on two sides, by position.
using Texts = std::vector<std::string>;

/// How alike two sides' texts are, as metrics "<pair>_text_…"; b is held against a.
void note_texts(const Texts& a, const Texts& b, const std::string& pair, ResultBuilder& result);

/// A side's long texts, to be looked at for signs of running off the rails.
struct LongTexts {
  std::string side;  ///< "baseline", "offloaded"
  Texts texts;
};
/// Degeneration figures of each side as metrics "long_text_…_<side>" and a table; a text that loops on a side
/// but not on the first one is a finding.
void note_coherence(const std::vector<LongTexts>& sides, ResultBuilder& result);

/// What a side said to the same facts, in their order.
struct FactReplies {
  std::string side;
  Texts replies;
};
/// How many facts each side states, as metrics "fact_accuracy_<side>", and the flips between `a` and `b` as
/// "<pair>_fact_…". Judges FAIL where b states significantly fewer.
void note_facts(const std::vector<workload::Question>& facts, const FactReplies& a, const FactReplies& b,
                const std::string& pair, ResultBuilder& result);

}  // namespace moestress::protocol
