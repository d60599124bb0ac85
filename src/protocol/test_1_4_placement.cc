// 1.4 placement: which memory every routed-expert tensor really lives in, shared experts apart.
#include <fmt/format.h>

#include "base/text.h"
#include "protocol/placement_of_target.h"
#include "protocol/result_builder.h"
#include "protocol/tests.h"

namespace moestress::protocol {
namespace {

using record::Verdict;

record::Table layer_table(const ServerProperties& properties) {
  record::Table table;
  table.title = "Where each layer's routed experts are (1: host memory, 0: device)";
  table.columns = {"layer", "in host memory"};
  for (const auto& [layer, where] : properties.layer_devices)
    table.rows.push_back({static_cast<double>(layer), where == "host" ? 1.0 : where == "mixed" ? 0.5 : 0.0});
  return table;
}

/// The engine's books against the kernel's: what the engine says is in host memory, the process must hold.
void cross_check_memory(Rig& rig, const PlacementEvidence& evidence, ResultBuilder& result) {
  const auto memory = rig.fresh_memory();
  if (!memory) return;
  const double held = static_cast<double>(memory->rss_anon_bytes + memory->rss_file_bytes +
                                          memory->rss_shmem_bytes + memory->swap_bytes);
  const double claimed = static_cast<double>(evidence.routed_host_bytes);
  result.metric("resident_bytes", held, "bytes", 1);
  if (held < claimed * 0.98)
    result.judge(Verdict::Fail,
                 fmt::format("{} of routed experts are said to be in host memory, but the process holds "
                             "only {}",
                             base::human_bytes(claimed), base::human_bytes(held)));
}

}  // namespace

record::TestResult test_1_4_placement(Rig& rig) {
  ResultBuilder result;
  const TargetPlacement placement = placement_of_target(rig);
  if (!placement.evidence) {
    result.judge(Verdict::Skipped, placement.reason);
    return result.take();
  }
  const PlacementEvidence& evidence = *placement.evidence;
  result.metric("routed_host_bytes", static_cast<double>(evidence.routed_host_bytes), "bytes", 1);
  result.metric("routed_device_bytes", static_cast<double>(evidence.routed_device_bytes), "bytes", 1);
  if (evidence.source == "engine") {
    if (const auto properties = rig.server_properties()) {
      result.metric("routed_host_tensors", properties->routed_host_tensors, "", 1);
      result.metric("routed_device_tensors", properties->routed_device_tensors, "", 1);
      result.table(layer_table(*properties));
      if (!properties->has_device())
        result.finding("info", "there is no device but the CPU: everything is in host memory");
    }
    if (rig.facts().topology.experts_shared > 0) {
      result.metric("shared_host_bytes", static_cast<double>(evidence.shared_host_bytes), "bytes", 1);
      result.metric("shared_device_bytes", static_cast<double>(evidence.shared_device_bytes), "bytes", 1);
    }
    cross_check_memory(rig, evidence, result);
  } else if (rig.facts().topology.experts_shared > 0) {
    result.finding("info", "shared experts can't be told apart from a load log");
  }
  const PlacementJudgement judged = judge_placement(evidence, rig.placement(), rig.facts().topology);
  result.judge(judged.verdict, judged.reason);
  return result.take();
}

Work work_1_4(const WorkInput& input) {
  Work work;
  work.seconds = kProbeWaitSeconds;
  if (!input.plan.target.url.empty())
    work.skipped = "where a server at a URL keeps its experts can't be looked at";
  return work;
}

}  // namespace moestress::protocol
