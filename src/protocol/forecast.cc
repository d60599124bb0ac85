#include "protocol/forecast.h"

#include <algorithm>

#include "gguf/prediction.h"
#include "gguf/roofline.h"

namespace moestress::protocol {
namespace {

/// The share of the bound by memory bandwidth that 5.2 finds the engine to reach on a CPU (0.4 to 0.7), and
/// how much faster it reads a prompt than it writes a reply there.
constexpr double kRooflineShare = 0.5;
constexpr double kPrefillOverDecode = 2;
/// Loading reads the file once and copies it.
constexpr double kLoadsPerBandwidth = 8;
constexpr double kStartSecondsMin = 1;

gguf::Prediction prediction_of(const WorkInput& input, const record::ExpertPlacement& placement) {
  return gguf::predict(input.facts.file, input.facts.topology, placement, 1, input.plan.target.context_tokens,
                       true);
}

}  // namespace

std::vector<Forecast> forecast(const WorkInput& input, bool stand_in) {
  std::vector<Forecast> forecasts;
  bool started = false, started_for_speech = false;
  for (const Test& test : tests()) {
    if (!input.plan.wants(test.id)) continue;
    Forecast one{&test, test.work(input)};
    if (test.target != Test::Target::None) {
      const bool speech = test.target == Test::Target::Speech;
      if (!started || (stand_in && speech && !started_for_speech)) one.work.starts += 1;
      started = true;
      started_for_speech = started_for_speech || speech;
    }
    forecasts.push_back(std::move(one));
  }
  return forecasts;
}

double weight_bytes_per_token(const WorkInput& input, const record::ExpertPlacement& placement) {
  const gguf::Prediction prediction = prediction_of(input, placement);
  return static_cast<double>(prediction.host.decode_bytes + prediction.device.decode_bytes);
}

Speeds predicted_speeds(const WorkInput& input, const record::ExpertPlacement& placement,
                        double bandwidth_bytes_per_s) {
  const gguf::Prediction prediction = prediction_of(input, placement);
  const gguf::Bandwidths bandwidths{bandwidth_bytes_per_s, bandwidth_bytes_per_s};
  Speeds speeds;
  speeds.slots = input.plan.target.slots;
  speeds.decode_tok_s = kRooflineShare * gguf::speed_bound(prediction, bandwidths, 0).tokens_per_second();
  speeds.prefill_tok_s = kPrefillOverDecode * speeds.decode_tok_s;
  speeds.start_seconds =
      std::max(kStartSecondsMin, kLoadsPerBandwidth * static_cast<double>(prediction.host.weights_bytes) /
                                     bandwidth_bytes_per_s);
  return speeds;
}

}  // namespace moestress::protocol
