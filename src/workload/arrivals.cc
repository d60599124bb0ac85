#include "workload/arrivals.h"

#include "base/check.h"
#include "base/random.h"

namespace moestress::workload {

std::vector<base::Duration> arrivals(ArrivalKind kind, double rate_per_s, std::size_t count,
                                     std::uint64_t seed) {
  CHECK(rate_per_s > 0);
  base::Random random(base::derive_seed(seed, "arrivals"));
  std::vector<base::Duration> starts;
  starts.reserve(count);
  double at_s = 0;
  for (std::size_t i = 0; i < count; ++i) {
    // A constant schedule is computed from i, not summed up: the millionth start is as exact as the first.
    if (kind == ArrivalKind::Constant) at_s = static_cast<double>(i) / rate_per_s;
    if (kind == ArrivalKind::Poisson) at_s += random.exponential(1 / rate_per_s);
    starts.push_back(base::from_seconds(at_s));
  }
  return starts;
}

}  // namespace moestress::workload
