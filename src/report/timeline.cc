#include "report/timeline.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace moestress::report {
namespace {

constexpr double kGap = std::numeric_limits<double>::quiet_NaN();

Curve bytes_curve(std::string name) { return {.name = std::move(name), .unit = "bytes", .x = {}, .y = {}}; }

void add(Curve& curve, base::Duration at, double value) {
  curve.x.push_back(base::to_seconds(at));
  curve.y.push_back(value);
}

bool has_figure(const Curve& curve) {
  return std::any_of(curve.y.begin(), curve.y.end(), [](double y) { return y == y; });
}

double or_gap(const std::optional<std::int64_t>& bytes) { return bytes ? static_cast<double>(*bytes) : kGap; }

}  // namespace

std::vector<Curve> process_curves(const std::string& model,
                                  const std::vector<record::ProcessSample>& samples) {
  if (samples.empty()) return {};
  Curve own = bytes_curve(model + " private");
  Curve file = bytes_curve(model + " file-mapped");
  Curve shared = bytes_curve(model + " shared");
  std::size_t gaps = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const record::ProcessSample& s = samples[i];
    if (i > 0 && s.series != samples[i - 1].series && gaps < kGapsMax) {
      ++gaps;
      const base::Duration between = samples[i - 1].at + (s.at - samples[i - 1].at) / 2;
      for (Curve* curve : {&own, &file, &shared}) add(*curve, between, kGap);
    }
    add(own, s.at, static_cast<double>(s.private_bytes()));
    add(file, s.at, static_cast<double>(s.rss_file_bytes));
    add(shared, s.at, static_cast<double>(s.rss_shmem_bytes));
  }
  std::vector<Curve> out{std::move(own), std::move(file)};
  if (std::any_of(shared.y.begin(), shared.y.end(), [](double y) { return y > 0; }))
    out.push_back(std::move(shared));
  return out;
}

std::vector<Curve> device_curves(const std::string& model, const std::vector<record::DeviceSample>& samples) {
  struct Device {
    Curve process, whole;
  };
  std::map<std::string, Device> devices;  // one device may be read from several sources, which may differ
  for (const record::DeviceSample& s : samples) {
    Device& device = devices[s.source.empty() ? s.device : s.device + " (" + s.source + ")"];
    add(device.process, s.at, or_gap(s.process_bytes));
    add(device.whole, s.at, or_gap(s.used_bytes));
  }
  std::vector<Curve> out;
  for (auto& [name, device] : devices) {
    device.process.name = model + " on " + name;
    device.whole.name = name + ", whole device, during " + model;
    for (Curve* curve : {&device.process, &device.whole}) {
      curve->unit = "bytes";
      if (has_figure(*curve)) out.push_back(std::move(*curve));
    }
  }
  return out;
}

std::vector<Curve> host_curves(const std::vector<record::HostSample>& samples) {
  if (samples.empty()) return {};
  Curve available = bytes_curve("available");
  Curve cache = bytes_curve("page cache");
  for (const record::HostSample& s : samples) {
    add(available, s.at, static_cast<double>(s.memory_available_bytes));
    add(cache, s.at, static_cast<double>(s.page_cache_bytes));
  }
  return {std::move(available), std::move(cache)};
}

void break_at(const std::vector<Gap>& gaps, std::vector<Curve>& curves) {
  for (Curve& curve : curves) {
    std::size_t breaks = 0;
    for (const Gap& gap : gaps) {
      const double middle = (gap.from_s + gap.to_s) / 2;
      const auto after = std::lower_bound(curve.x.begin(), curve.x.end(), middle);
      if (after == curve.x.begin() || after == curve.x.end() || breaks == kGapsMax) continue;
      const auto place = after - curve.x.begin();
      if (std::isnan(curve.y[static_cast<std::size_t>(place)]) ||
          std::isnan(curve.y[static_cast<std::size_t>(place) - 1]))
        continue;  // broken there already
      curve.x.insert(after, middle);
      curve.y.insert(curve.y.begin() + place, kGap);
      ++breaks;
    }
  }
}

}  // namespace moestress::report
