#include "workload/arrivals.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <numbers>
#include <optional>
#include <sstream>

#include "base/check.h"
#include "base/random.h"
#include "base/text.h"

namespace moestress::workload {
namespace {

using base::Duration;
using base::Random;

constexpr std::uintmax_t kTraceBytesMax = 64 << 20;

/// A gamma variate of shape below 1 and the given mean: that of shape + 1 by Marsaglia and Tsang's method
/// (2000), times U^(1/shape).
double gamma(Random& random, double shape, double mean) {
  const double d = shape + 1 - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = random.normal();
    const double v = std::pow(1 + c * x, 3);
    const double u = 1 - random.uniform();  // in (0, 1]
    if (v > 0 && std::log(u) < 0.5 * x * x + d - d * v + d * std::log(v))
      return d * v * std::pow(1 - random.uniform(), 1 / shape) * mean / shape;
  }
}

/// The gap before a request of a process whose rate does not change.
double gap_s(ArrivalKind kind, double rate_per_s, Random& random) {
  if (kind == ArrivalKind::Gamma) return gamma(random, kBurstShape, 1 / rate_per_s);
  CHECK(kind == ArrivalKind::Poisson);
  return random.exponential(1 / rate_per_s);
}

/// The rate at `share` of the duration, over its mean.
double relative_rate(ArrivalKind kind, double share) {
  if (kind == ArrivalKind::Ramp) return 2 * share;
  return 1 - kDiurnalDepth * std::cos(2 * std::numbers::pi * share);
}

std::vector<Duration> thinned(ArrivalKind kind, double rate_per_s, Duration duration, Random& random) {
  const double highest = kind == ArrivalKind::Ramp ? 2 : 1 + kDiurnalDepth;
  const double length_s = base::to_seconds(duration);
  std::vector<Duration> starts;
  double at_s = 0;
  while (starts.size() < kArrivalsMax) {
    at_s += random.exponential(1 / (rate_per_s * highest));
    if (at_s >= length_s) break;
    if (random.uniform() * highest < relative_rate(kind, at_s / length_s))
      starts.push_back(base::from_seconds(at_s));
  }
  return starts;
}

std::optional<double> first_column(std::string_view line) {
  line = line.substr(0, line.find_first_of(",;\t"));
  while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) line.remove_suffix(1);
  while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
  if (error != std::errc() || end != line.data() + line.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace

const char* to_string(ArrivalKind kind) {
  switch (kind) {
    case ArrivalKind::Constant:
      return "constant";
    case ArrivalKind::Poisson:
      return "poisson";
    case ArrivalKind::Gamma:
      return "gamma";
    case ArrivalKind::Ramp:
      return "ramp";
    case ArrivalKind::Diurnal:
      return "diurnal";
  }
  return "unknown";
}

std::vector<Duration> arrivals(ArrivalKind kind, double rate_per_s, std::size_t count, std::uint64_t seed) {
  CHECK(rate_per_s > 0);
  Random random(base::derive_seed(seed, "arrivals"));
  std::vector<Duration> starts;
  starts.reserve(count);
  double at_s = 0;
  for (std::size_t i = 0; i < count; ++i) {
    // A constant schedule is computed from i, not summed up: the millionth start is as exact as the first.
    if (kind == ArrivalKind::Constant)
      at_s = static_cast<double>(i) / rate_per_s;
    else
      at_s += gap_s(kind, rate_per_s, random);
    starts.push_back(base::from_seconds(at_s));
  }
  return starts;
}

std::vector<Duration> arrivals_within(ArrivalKind kind, double rate_per_s, Duration duration,
                                      std::uint64_t seed) {
  CHECK(rate_per_s > 0);
  Random random(base::derive_seed(seed, "arrivals"));
  if (kind == ArrivalKind::Ramp || kind == ArrivalKind::Diurnal)
    return thinned(kind, rate_per_s, duration, random);
  std::vector<Duration> starts;
  double at_s = 0;
  while (starts.size() < kArrivalsMax) {
    if (kind == ArrivalKind::Constant)
      at_s = static_cast<double>(starts.size()) / rate_per_s;
    else
      at_s += gap_s(kind, rate_per_s, random);
    const Duration at = base::from_seconds(at_s);
    if (at >= duration) break;
    starts.push_back(at);
  }
  return starts;
}

base::Result<std::vector<Duration>> parse_arrival_trace(std::string_view text, const std::string& source) {
  std::vector<double> instants;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.find_first_not_of(" \r") == std::string_view::npos || line.front() == '#') continue;
    const auto instant = first_column(line);
    if (!instant && instants.empty() && number == 1) continue;  // a heading
    if (!instant)
      return base::fail(base::ErrorCode::Format, "{}:{}: \"{}\" does not begin with an instant in seconds",
                        source, number, base::printable(line, 60));
    if (instants.size() == kArrivalsMax)
      return base::fail(base::ErrorCode::Limit, "{}: more than {} instants", source, kArrivalsMax);
    instants.push_back(*instant);
  }
  if (instants.empty()) return base::fail(base::ErrorCode::Format, "{}: holds no instant", source);
  std::sort(instants.begin(), instants.end());
  std::vector<Duration> starts;
  // A year is far beyond any run, and still fits a Duration.
  constexpr double kSecondsMax = 366.0 * 24 * 3600;
  for (const double instant : instants)
    starts.push_back(base::from_seconds(std::min(instant - instants.front(), kSecondsMax)));
  return starts;
}

base::Result<std::vector<Duration>> read_arrival_trace(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return base::fail(base::ErrorCode::Io, "{}: can't be read", path);
  if (const auto size = file.tellg(); size < 0 || static_cast<std::uintmax_t>(size) > kTraceBytesMax)
    return base::fail(base::ErrorCode::Limit, "{}: is no file of at most 64 MiB", path);
  file.seekg(0);
  std::ostringstream text;
  text << file.rdbuf();
  return parse_arrival_trace(text.view(), path);
}

}  // namespace moestress::workload
