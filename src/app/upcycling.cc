#include "app/upcycling.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "app/base_fit.h"
#include "base/check.h"
#include "forge/sample_text.h"

namespace moestress::app {
namespace {

using Progress = std::function<void(const char* step, double share)>;

constexpr double kFirstSpread = 0.08;
constexpr int kTrialsMax = 6;
/// What is aimed at, of the limits: a text of the same kind must not break them by chance.
constexpr double kKlAim = 0.8 * kKlNatsMax;
constexpr double kTop1Aim = kTop1Min + 0.01;

bool within_aims(const Fidelity& fidelity) {
  return fidelity.kl_nats_mean <= kKlAim && fidelity.top1_agreement >= kTop1Aim;
}

nlohmann::json to_json(const SpreadTrial& trial) {
  return {{"spread", trial.spread},
          {"kl_nats_mean", trial.fidelity.kl_nats_mean},
          {"kl_nats_p99", trial.fidelity.kl_nats_p99},
          {"top1_agreement", trial.fidelity.top1_agreement},
          {"positions", trial.fidelity.positions}};
}

base::Status write_fidelity(const UpcyclingOptions& options, const Upcycled& made) {
  nlohmann::json json{{"base", std::filesystem::path(options.base).filename().string()},
                      {"topology", to_string(options.topology)},
                      {"seed", options.seed},
                      {"experts_alike", to_json(made.trials.front())},
                      {"experts_different", to_json(made.trials.back())},
                      {"trials", nlohmann::json::array()},
                      {"forging_seconds", made.forging_seconds},
                      {"measuring_seconds", made.measuring_seconds}};
  for (const SpreadTrial& trial : made.trials) json["trials"].push_back(to_json(trial));
  const std::string path = fidelity_path(options.out);
  std::ofstream file(path);
  file << json.dump(2) << '\n';
  file.flush();
  if (!file) return base::fail(base::ErrorCode::Io, "{}: can't be written; is the disk full?", path);
  return {};
}

using Clock = std::chrono::steady_clock;

/// Adds the time that a step takes.
class Stopwatch {
 public:
  explicit Stopwatch(double& seconds) : seconds_(seconds) {}
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  ~Stopwatch() { seconds_ += std::chrono::duration<double>(Clock::now() - begin_).count(); }

 private:
  double& seconds_;
  const Clock::time_point begin_ = Clock::now();
};

class Upcycling {
 public:
  Upcycling(const UpcyclingOptions& options, const Progress& progress)
      : options_(options), progress_(progress) {
    spec_.kind = options.topology;
    spec_.base = options.base;
    spec_.seed = options.seed;
    spec_.experts_type = options.experts_type;
  }

  base::Status look_at_base() {
    MOESTRESS_TRY(const auto base, load_on_cpu(options_.base));
    {
      const Stopwatch watch(made_.forging_seconds);
      MOESTRESS_TRY(fitted_, fit_to_base(base, options_.topology, options_.seed,
                                         [&](double share) { progress_("looking at the base", share); }));
      spec_.fitted = &fitted_;
    }
    if (!options_.measure) return {};
    const Stopwatch watch(made_.measuring_seconds);
    MOESTRESS_TRY(meter_, FidelityMeter::create(base, forge::sample_text(), [&](double share) {
                    progress_("measuring the base", share);
                  }));
    return {};
  }

  base::Status write(double spread) {
    spec_.spread = spread;
    const Stopwatch watch(made_.forging_seconds);
    return forge::write_upcycled_model(spec_, options_.out,
                                       [&](double share) { progress_("forging", share); });
  }

  base::Status attempt(double spread) {
    MOESTRESS_TRY_STATUS(write(spread));
    const Stopwatch watch(made_.measuring_seconds);
    MOESTRESS_TRY(const Fidelity fidelity, meter_->measure(options_.out, [&](double share) {
      progress_("measuring against the base", share);
    }));
    made_.trials.push_back({spread, fidelity});
    return {};
  }

  /// The largest spread within the aims, to a tenth: up from what the trials so far promise, then down in
  /// tenths.
  base::Status search() {
    MOESTRESS_TRY_STATUS(attempt(kFirstSpread));
    for (int trial = 0; trial < kTrialsMax; ++trial) {
      const SpreadTrial now = made_.trials.back();
      if (!within_aims(now.fidelity)) {
        MOESTRESS_TRY_STATUS(attempt(0.9 * std::min(now.spread, promised(now))));
        continue;
      }
      const double next = std::min(1.0, 0.95 * promised(now));
      if (trial > 0 || next < 1.1 * now.spread) return {};
      MOESTRESS_TRY_STATUS(attempt(next));
    }
    const Fidelity& alike = made_.trials.front().fidelity;
    return base::fail(
        base::ErrorCode::Internal,
        "no spread was found that keeps the model within {} nats of its base with a top-1 agreement of "
        "{}; with experts alike it is at {:.3g} and {:.3f}. Give --spread to forge it all the same.",
        kKlNatsMax, kTop1Min, alike.kl_nats_mean, alike.top1_agreement);
  }

  Upcycled take() { return std::move(made_); }

 private:
  /// The spread that would just meet the aims: what a spread adds to KL grows with its square, what it takes
  /// from the agreement about with itself.
  double promised(const SpreadTrial& trial) const {
    const Fidelity& alike = made_.trials.front().fidelity;
    const double kl_room = kKlAim - alike.kl_nats_mean, top1_room = alike.top1_agreement - kTop1Aim;
    const double kl_added = trial.fidelity.kl_nats_mean - alike.kl_nats_mean;
    const double top1_lost = alike.top1_agreement - trial.fidelity.top1_agreement;
    double factor = 4;
    if (kl_added > 0) factor = std::min(factor, std::sqrt(std::max(0.0, kl_room) / kl_added));
    if (top1_lost > 0) factor = std::min(factor, std::max(0.0, top1_room) / top1_lost);
    return trial.spread * factor;
  }

  const UpcyclingOptions& options_;
  const Progress& progress_;
  forge::Fitted fitted_;
  std::optional<FidelityMeter> meter_;
  forge::UpcycleSpec spec_;
  Upcycled made_;
};

}  // namespace

std::string fidelity_path(const std::string& model) { return model + ".fidelity.json"; }

base::Result<Upcycled> upcycle(const UpcyclingOptions& options, const Progress& progress) {
  CHECK(options.measure || options.spread);
  Upcycling upcycling(options, progress);
  MOESTRESS_TRY_STATUS(upcycling.look_at_base());
  if (!options.measure) {
    MOESTRESS_TRY_STATUS(upcycling.write(*options.spread));
    return upcycling.take();
  }
  MOESTRESS_TRY_STATUS(upcycling.attempt(0));
  if (!options.spread) {
    MOESTRESS_TRY_STATUS(upcycling.search());
  } else if (*options.spread > 0) {
    MOESTRESS_TRY_STATUS(upcycling.attempt(*options.spread));
  }
  Upcycled made = upcycling.take();
  MOESTRESS_TRY_STATUS(write_fidelity(options, made));
  return made;
}

}  // namespace moestress::app
