#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "record/result.h"
#include "store/run_info.h"

namespace moestress::store {
class RunReader;
}

namespace moestress::report {

/// A curve of at most kSeriesPoints points. `y` may hold NaN: a gap.
struct Curve {
  std::string name;
  std::string unit;
  std::vector<double> x;
  std::vector<double> y;
};

/// Something that happened at an instant of the run, for the time axis.
struct Mark {
  double seconds = 0;
  std::string kind;
  std::string text;
};

/// Memory against time in seconds since the run's start: the target's processes, the devices, the host.
struct MemoryTimeline {
  std::vector<Curve> process;
  std::vector<Curve> device;
  std::vector<Curve> host;
  std::vector<Mark> marks;
};

/// A time of the run in which moestress did not run: nothing was recorded, and nothing is filled in.
struct Gap {
  double from_s = 0;  ///< since the run's start
  double to_s = 0;
};

/// A quantile, where n is large enough for it to be given at all (METRICS.md, "Tail quantiles").
struct Percentile {
  double p = 0;  ///< 0..1
  double value = 0;
};

/// How one latency was distributed in one test: its empirical distribution function thinned to some 100
/// points.
struct LatencyDistribution {
  std::string model;
  std::string test;
  std::string quantity;  ///< "TTFT", "TTFT from the send", "ITL"
  std::int64_t n = 0;
  double max_ms = 0;
  std::vector<double> value_ms;  ///< ascending
  std::vector<double> share;     ///< share of samples at or below value_ms
  std::vector<Percentile> percentiles_ms;
};

/// One request's decode speed and the context it was reached at.
struct SpeedPoint {
  double context_tokens = 0;  ///< of the prompt and half of the reply: the middle of the decode
  double tok_per_s = 0;
};

/// What came of the requests of one test: how many ended in each way.
struct EndingCount {
  std::string model;
  std::string test;
  std::string ending;
  std::int64_t count = 0;
};

/// Speed points of one model, at most kSeriesPoints of them; n is how many there were.
struct SpeedCloud {
  std::string model;
  std::int64_t n = 0;
  std::vector<SpeedPoint> points;
};

/// The share of its layer's choices that each expert got, for one set of prompts.
struct RoutingShares {
  std::string model;
  std::string set;  ///< "code", "creative writing", …
  std::int64_t tokens = 0;
  std::vector<int> layers;                 ///< model layer numbers
  std::vector<std::vector<double>> share;  ///< [layer][expert], each row sums to 1
};

/// All that a report says, gathered once; every writer is a pure function of it. Texts are as they were
/// stored; each writer makes them safe for its own format.
struct ReportInput {
  store::RunInfo run;
  std::string directory;    ///< the run's
  std::string report_path;  ///< where report.html is, or will be
  std::string plan_toml;    ///< as resolved; empty where the file isn't there
  /// Empty for a run that came to its end. Else how far it came, for people.
  std::string cut_off;
  std::vector<Gap> gaps;  ///< of a run that was cut off and gone on with
  std::vector<record::ModelResult> models;
  MemoryTimeline memory;
  std::vector<LatencyDistribution> latencies;
  std::vector<SpeedCloud> speeds;
  std::vector<EndingCount> endings;
  std::vector<RoutingShares> routing;
  std::vector<std::string> notes;  ///< what could not be read for this report, and why

  /// Whether the run was below full size: every PASS of it is marked so, since the protocol asks for more.
  bool scaled() const { return run.scale < 1; }
  /// "PASS (scaled)" of a scaled run; else the verdict's name.
  std::string name_of(record::Verdict verdict) const;
};

/// No curve in a report has more points than this.
inline constexpr std::size_t kSeriesPoints = 1000;

/// Reads what a report needs from a run, which may still be going or may have been cut off.
/// Errors: those of the reader (a damaged database).
base::Result<ReportInput> gather(const store::RunReader& reader);

/// "Gone on with after 2 interruptions: nothing was recorded from 1 min 2 s to 3 min 4 s and …"; empty
/// without gaps.
std::string gap_sentence(const std::vector<Gap>& gaps);

/// Seconds from the run's start to its end; absent while it goes on.
std::optional<double> seconds_of(const store::RunInfo& run);

/// The run's verdict: record::combine over every criterion, test and check of every model, and INVALID where
/// the run itself ended so; SKIPPED where there is nothing.
record::Verdict overall_verdict(const ReportInput& input);

}  // namespace moestress::report
