#include "protocol/placement_of_target.h"

#include "gguf/prediction.h"

namespace moestress::protocol {

TargetPlacement placement_of_target(Rig& rig) {
  if (rig.embedded()) {
    auto properties = rig.server_properties();
    if (!properties) return {std::nullopt, properties.error().message};
    return {evidence_from_engine(*properties), {}};
  }
  if (!rig.has_target() || rig.target().log_path().empty())
    return {std::nullopt,
            "a server reached by URL shows neither its load log nor its memory; have moestress start it "
            "(--spawn)"};
  const auto experts_on_host = record::ExpertPlacement{};
  const auto prediction = gguf::predict(rig.facts().file, rig.facts().topology, experts_on_host,
                                        rig.plan().target.slots, rig.plan().target.context_tokens, false);
  auto evidence = evidence_from_log(read_load_log(rig.target().log_path(), rig.target().log_begin()),
                                    rig.facts().topology, prediction.device.weights_bytes);
  if (!evidence)
    return {std::nullopt,
            "the server's log has no \"model buffer size\" line, and what a server says of itself is no "
            "evidence; have it "
            "print llama.cpp's load log"};
  return {std::move(evidence), {}};
}

}  // namespace moestress::protocol
