#include "protocol/time_left.h"

#include <array>
#include <utility>

namespace moestress::protocol {
namespace {

/// Shares of a smoke run's time on software Vulkan; only their proportions matter.
constexpr std::array<std::pair<std::string_view, double>, 10> kShares{{{"1.1", 2},
                                                                       {"1.2", 12},
                                                                       {"1.3", 0.3},
                                                                       {"1.4", 0.3},
                                                                       {"2.1", 6},
                                                                       {"2.2", 12},
                                                                       {"5.2", 9},
                                                                       {"5.1", 10},
                                                                       {"3.1", 3},
                                                                       {"6.1", 15}}};

double share_of(std::string_view test) {
  for (const auto& [id, share] : kShares)
    if (id == test) return share;
  return 5;
}

}  // namespace

TimeLeft::TimeLeft(std::vector<std::string_view> tests, std::size_t models) {
  for (const auto test : tests) total_share_ += share_of(test) * static_cast<double>(models);
}

void TimeLeft::finished(std::string_view test, double seconds) {
  done_share_ += share_of(test);
  done_seconds_ += seconds;
}

std::optional<double> TimeLeft::seconds() const {
  if (done_share_ <= 0) return std::nullopt;
  return done_seconds_ / done_share_ * (total_share_ - done_share_);
}

}  // namespace moestress::protocol
