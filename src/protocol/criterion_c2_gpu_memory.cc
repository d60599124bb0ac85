// C2: less than 5 GB of GPU memory: the largest of process figure, device minus idle, and engine buffers, at
// its peak.
#include <fmt/format.h>

#include "base/text.h"
#include "protocol/criteria.h"

namespace moestress::protocol {

using record::Verdict;

record::CriterionResult criterion_c2_gpu_memory(const CriterionInput& input) {
  const double limit = input.thresholds.c2_gpu_bytes_max;
  record::CriterionResult result{"C2", "GPU memory", "< " + base::human_bytes(limit), {}, "bytes", {}, {},
                                 {}};
  if (!input.has_device || input.device_peaks.empty()) {
    result.verdict = Verdict::Skipped;
    result.reason = input.has_device
                        ? "no figure of GPU memory could be had: neither NVML nor the engine's own books"
                        : "no GPU is part of this placement";
    return result;
  }
  for (const auto& [source, bytes] : input.device_peaks) {
    if (!result.measured || bytes > *result.measured) result.measured = bytes;
    result.evidence +=
        fmt::format("{}{} {}", result.evidence.empty() ? "" : ", ", source, base::human_bytes(bytes));
  }
  result.verdict = *result.measured < limit ? Verdict::Pass : Verdict::Fail;
  result.reason = fmt::format(
      "peak {}{}", base::human_bytes(*result.measured),
      input.software_device ? " on a software Vulkan device (engine buffers; the placement is real)" : "");
  return result;
}

}  // namespace moestress::protocol
