// 1.1 load: time to ready, bytes read, memory after loading, load errors, and the placement that was asked
// for.
#include <fmt/format.h>

#include "base/text.h"
#include "protocol/load_log.h"
#include "protocol/placement_of_target.h"
#include "protocol/result_builder.h"
#include "protocol/tests.h"

namespace moestress::protocol {
namespace {

using record::Verdict;

void note_memory(Rig& rig, ResultBuilder& result) {
  if (const auto memory = rig.fresh_memory()) {
    result.metric("private_bytes", static_cast<double>(memory->private_bytes()), "bytes", 1);
    result.metric("file_mapped_bytes", static_cast<double>(memory->rss_file_bytes), "bytes", 1);
    if (memory->read_bytes)
      result.metric("storage_read_bytes", static_cast<double>(*memory->read_bytes), "bytes", 1);
  } else {
    result.finding("info", "memory after loading is unknown: the server is not a process of ours");
  }
  if (rig.embedded())
    if (const auto properties = rig.server_properties())
      result.metric("gpu_bytes", static_cast<double>(properties->device_bytes()), "bytes", 1);
}

}  // namespace

record::TestResult test_1_1_load(Rig& rig) {
  ResultBuilder result;
  const double ready_s = base::to_seconds(rig.target().ready_after());
  result.metric("ready_ms", ready_s * 1000, "ms", 1);
  note_memory(rig, result);

  if (rig.has_target() && !rig.target().log_path().empty()) {
    const LoadLog log = read_load_log(rig.target().log_path(), rig.target().log_begin());
    result.metric("load_errors", static_cast<double>(log.error_lines.size()), "", 1);
    for (const auto& line : log.error_lines) result.finding("error", "load log: " + line);
    if (!log.error_lines.empty())
      result.judge(Verdict::Fail, fmt::format("the load log holds {} error lines, the first: {}",
                                              log.error_lines.size(), log.error_lines.front()));
  }

  const TargetPlacement placement = placement_of_target(rig);
  if (!placement.evidence) {
    result.judge(Verdict::Inconclusive, fmt::format("ready after {}, but the placement is not known: {}",
                                                    base::human_seconds(ready_s), placement.reason));
    return result.take();
  }
  const PlacementJudgement judged =
      judge_placement(*placement.evidence, rig.placement(), rig.facts().topology);
  result.judge(judged.verdict,
               fmt::format("ready after {}; {}", base::human_seconds(ready_s), judged.reason));
  return result.take();
}

Work work_1_1(const WorkInput&) {
  Work work;
  work.seconds = kProbeWaitSeconds;
  return work;
}

}  // namespace moestress::protocol
