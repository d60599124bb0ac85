#pragma once

#include <string>
#include <vector>

#include "record/sample.h"
#include "report/report_input.h"

namespace moestress::report {

/// Bytes of one model's target against seconds: private, file-mapped and, where there is any, shared memory.
/// Where a new process begins (a new series) the curve has a gap, for at most kGapsMax of them. Samples in
/// order of time.
std::vector<Curve> process_curves(const std::string& model,
                                  const std::vector<record::ProcessSample>& samples);

/// Bytes of each device that the samples name: of the target's processes and of the whole device, as far as
/// known.
std::vector<Curve> device_curves(const std::string& model, const std::vector<record::DeviceSample>& samples);

/// Bytes available, and of the page cache.
std::vector<Curve> host_curves(const std::vector<record::HostSample>& samples);

/// Breaks curves where moestress did not run, so that no line is drawn through what was not seen; at most
/// kGapsMax breaks in each.
void break_at(const std::vector<Gap>& gaps, std::vector<Curve>& curves);

inline constexpr std::size_t kGapsMax = 50;

}  // namespace moestress::report
