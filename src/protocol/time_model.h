#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/work.h"

namespace moestress::protocol {

/// How fast a target is. From calibration.h, which measures it, or predicted.
struct Speeds {
  double prefill_tok_s = 40;
  double decode_tok_s = 20;       ///< of one session
  double parallel_gain = 1.5;     ///< decode speed of all slots together over that of one session; at least 1
  int slots = 5;                  ///< that this was measured with
  double start_seconds = 3;       ///< of the server, until it is ready
  double request_seconds = 0.02;  ///< of a request beside its tokens
};

/// What a test's work takes a target of these speeds:
///   starts·t_start + requests·t_request + prompt/prefill + reply/(decode·gain(parallel)) + scored/prefill
///   + seconds + max(paced_seconds, the same of what is paced).
/// gain rises in a line from 1 for one request at once to parallel_gain for one in each slot. Prompts gain
/// nothing: one alone fills a batch.
double seconds_of(const Work& work, const Speeds& speeds);

/// Estimates how long the tests of a run take, and how long what is left of it does: from each test's work,
/// the target's speeds, and how the tests that have ended compare with what was thought of them.
class TimeModel {
 public:
  /// One test to come. `weight_bytes` that a token of the model reads: another model's speeds are scaled by
  /// it.
  void add(const std::string& model, std::string_view test, Work work, double weight_bytes);
  void calibrated(const std::string& model, const Speeds& speeds);
  void finished(const std::string& model, std::string_view test, double seconds);

  /// What all tests would take a target of middling speed: whether it is worth calibrating.
  double reference_seconds() const;
  bool is_calibrated() const { return calibrated_; }

  struct Estimate {
    std::string model;
    std::string test;
    double seconds = 0;
  };
  /// Of the tests that have not ended, in their order. Empty as long as there is nothing to estimate from:
  /// neither calibration nor a test that asked something of the target.
  std::vector<Estimate> remaining() const;
  /// The sum of it.
  std::optional<double> seconds_left() const;

 private:
  struct Item {
    std::string model;
    std::string test;
    Work work;
    double weight_bytes = 0;
    std::optional<double> took;
  };
  double estimate(const Item& item) const;
  double correction() const;

  std::vector<Item> items_;
  Speeds speeds_;
  double speeds_weight_bytes_ = 0;  ///< of the model that they are of; 0: of none
  bool calibrated_ = false;
};

}  // namespace moestress::protocol
