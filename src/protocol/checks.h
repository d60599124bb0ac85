#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "load/latency.h"
#include "plan/check.h"
#include "plan/plan.h"
#include "record/result.h"

namespace moestress::protocol {

/// What checks ask of the requests of one test.
struct RequestFigures {
  load::LatencyFigures latency;  ///< of those that were answered
  std::int64_t ok = 0;
  std::int64_t failed = 0;  ///< those that we cancelled are neither

  void add(const record::Outcome& outcome);
};

/// Where checks get their figures from: those of the requests of one test.
using FiguresOf = std::function<base::Result<const RequestFigures*>(std::string_view test)>;

/// Holds one check against the tests that have ended. A check is about this run's figure, as k6 has it: no
/// interval is asked to lie on one side. A quantile of fewer values than stats::samples_for_quantile is
/// INCONCLUSIVE; so is a figure that no test gave although it ran, and SKIPPED where none ran.
/// `expectation` is the check's, parsed.
record::CheckResult judge_check(const plan::Check& check, const plan::Expectation& expectation,
                                const std::vector<record::TestResult>& tests, const FiguresOf& figures_of);

/// A plan's checks over one model as its tests end. The figures come from the run's own record, so that a run
/// that is taken up again has those of before. Owned by the runner; one thread.
class CheckWatch {
 public:
  /// `read` visits the outcomes of one test.
  using Read = std::function<base::Status(const std::string& test,
                                          const std::function<void(const record::Outcome&)>& visit)>;
  CheckWatch(const std::vector<plan::Check>& checks, Read read);

  /// All checks against the tests that have ended so far, in the plan's order.
  std::vector<record::CheckResult> judge(const std::vector<record::TestResult>& tests);
  /// The first check that failed and is to end the run; absent: none is.
  std::optional<record::CheckResult> abort_for(const std::vector<record::TestResult>& tests);

 private:
  base::Result<const RequestFigures*> figures(std::string_view test);

  struct Entry {
    plan::Check check;
    plan::Expectation expectation;
  };
  std::vector<Entry> entries_;
  Read read_;
  std::map<std::string, RequestFigures, std::less<>> figures_;
};

}  // namespace moestress::protocol
