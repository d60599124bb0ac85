#include "protocol/utilisation.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <limits>

#include "probe/cpu.h"
#include "probe/host.h"
#include "stats/quantile.h"

namespace moestress::protocol {
namespace {

using record::Outcome;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
/// Of all cores: what others may use before the figures are said to be of what they left.
constexpr double kOthersShareMax = 0.2;

CpuReading read_cpu(Rig& rig) {
  rusage own{};
  getrusage(RUSAGE_SELF, &own);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return {rig.now(), seconds(own.ru_utime) + seconds(own.ru_stime), probe::read_cpu_busy_ns()};
}

/// Cores that the target used between first and last text of replies that had it to themselves; NaN where no
/// reply saw two samples.
double target_cores(const std::vector<record::ProcessSample>& samples, const std::vector<Outcome>& outcomes,
                    std::int64_t& n) {
  double cpu_ns = 0, ns = 0;
  for (const Outcome& outcome : outcomes) {
    const record::ProcessSample* before = nullptr;
    for (const auto& sample : samples) {
      if (sample.at < outcome.first_text || sample.at > outcome.last_text) continue;
      if (before != nullptr && before->series == sample.series) {
        cpu_ns += static_cast<double>(sample.cpu_time_ns - before->cpu_time_ns);
        ns += static_cast<double>((sample.at - before->at).count());
        ++n;
      }
      before = &sample;
    }
  }
  return ns > 0 ? cpu_ns / ns : kNan;
}

}  // namespace

UtilisationWatch::UtilisationWatch(Rig& rig) : rig_(rig), before_(read_cpu(rig)) {}

void UtilisationWatch::conclude(const std::vector<Outcome>& outcomes, BottleneckEvidence& evidence,
                                ResultBuilder& result) const {
  const CpuReading after = read_cpu(rig_);
  const double seconds = base::to_seconds(after.at - before_.at);
  const auto info = probe::read_cpu_info();
  evidence.cores = std::max(info.logical, 1);
  evidence.threads = rig_.plan().target.threads > 0 ? rig_.plan().target.threads
                     : info.cores > 0               ? info.cores
                                                    : info.logical;
  if (!rig_.embedded()) evidence.threads = 0;  // how many another server computes with is not known
  evidence.client_cores = (after.own_s - before_.own_s) / seconds;
  result.metric("client_cpu_cores", evidence.client_cores, "cores", 1);
  const auto samples = rig_.memory_since(before_.at);
  std::int64_t n = 0;
  evidence.target_cores = target_cores(samples, outcomes, n);
  result.metric("target_cpu_cores", evidence.target_cores, "cores", n);
  if (before_.busy_ns && after.busy_ns && samples.size() > 1) {
    const double host = static_cast<double>(*after.busy_ns - *before_.busy_ns) / 1e9 / seconds;
    const double target = static_cast<double>(samples.back().cpu_time_ns - samples.front().cpu_time_ns) /
                          static_cast<double>((samples.back().at - samples.front().at).count());
    evidence.other_cores = std::max(0.0, host - target - evidence.client_cores);
    result.metric("host_cpu_cores", host, "cores", 1);
    result.metric("other_cpu_cores", evidence.other_cores, "cores", 1);
    if (evidence.other_cores > kOthersShareMax * evidence.cores)
      result.finding("warning",
                     fmt::format("other programs used {:.1f} of {} cores meanwhile: speeds may be of "
                                 "what they left",
                                 evidence.other_cores, evidence.cores));
  }
  std::vector<double> device;
  for (const auto& sample : rig_.devices_since(before_.at))
    for (const Outcome& outcome : outcomes)
      if (sample.utilisation && sample.at >= outcome.first_text && sample.at <= outcome.last_text)
        device.push_back(*sample.utilisation);
  evidence.device_utilisation = device.empty() ? kNan : stats::summarize(device).mean;
  result.metric("device_utilisation_mean", evidence.device_utilisation, "",
                static_cast<std::int64_t>(device.size()));
  evidence.experts_cross = rig_.embedded() && rig_.has_device() && !rig_.on_cpu_only();
}

}  // namespace moestress::protocol
