#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "record/routing.h"
#include "report/report_input.h"

namespace moestress::report {

/// Counts how often each expert was chosen, by model and prompt set. A value of one thread.
class RoutingTally {
 public:
  void add(const std::string& model, const std::string& set, const record::RoutingTrace& trace);

  /// In the order in which the sets were first added. A layer in which nothing was chosen is left out.
  std::vector<RoutingShares> shares() const;

 private:
  struct Set {
    std::string model, name;
    std::int64_t tokens = 0;
    std::map<int, std::vector<std::int64_t>> chosen;  // by layer, then expert
  };
  std::map<std::pair<std::string, std::string>, std::size_t> index_;
  std::vector<Set> sets_;
};

}  // namespace moestress::report
