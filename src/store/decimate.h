#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace moestress::store {

/// Thins a series of known length to at most `points_max`, keeping of each of equally long runs the lowest
/// and the highest value in their order, so that no peak is lost. Holds only what it keeps. One owner, one
/// thread.
template <class Sample>
class Decimator {
 public:
  /// `points_max` 0, or not below `count`: everything is kept.
  Decimator(std::size_t count, std::size_t points_max)
      : count_(count),
        runs_(points_max == 0 || count <= points_max ? 0 : std::max<std::size_t>(1, points_max / 2)) {}

  /// Samples in order; `value` is what must keep its extremes.
  void add(Sample sample, double value) {
    if (runs_ == 0) {
      kept_.push_back(std::move(sample));
      return;
    }
    const std::size_t run = std::min(runs_ - 1, seen_ * runs_ / count_);
    if (run != run_) close_run();
    run_ = run;
    if (!low_ || value < low_->value) low_ = Extreme{seen_, value, sample};
    if (!high_ || value > high_->value) high_ = Extreme{seen_, value, std::move(sample)};
    ++seen_;
  }

  std::vector<Sample> take() {
    close_run();
    return std::move(kept_);
  }

 private:
  struct Extreme {
    std::size_t index;
    double value;
    Sample sample;
  };

  void close_run() {
    if (low_ && high_) {
      if (low_->index == high_->index) {
        kept_.push_back(std::move(low_->sample));
      } else {
        auto& first = low_->index < high_->index ? low_ : high_;
        auto& second = low_->index < high_->index ? high_ : low_;
        kept_.push_back(std::move(first->sample));
        kept_.push_back(std::move(second->sample));
      }
    }
    low_.reset();
    high_.reset();
  }

  std::size_t count_;
  std::size_t runs_;
  std::size_t seen_ = 0;
  std::size_t run_ = 0;
  std::optional<Extreme> low_;
  std::optional<Extreme> high_;
  std::vector<Sample> kept_;
};

}  // namespace moestress::store
