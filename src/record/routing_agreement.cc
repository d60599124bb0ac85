#include "record/routing_agreement.h"

#include <algorithm>
#include <cmath>

namespace moestress::record {
namespace {

using base::ErrorCode;
using base::fail;

base::Status check_topology(const RoutingTrace& trace) {
  if (trace.k < 1 || trace.experts < trace.k || trace.experts >= RoutingTrace::kAbsent) {
    return fail(ErrorCode::Format,
                "Routing trace: {} experts of which {} are chosen; expected 1 <= chosen <= experts < {}.",
                trace.experts, trace.k, RoutingTrace::kAbsent);
  }
  if (trace.layers.empty() && trace.tokens > 0) {
    return fail(ErrorCode::Format, "Routing trace: {} tokens but no layers.", trace.tokens);
  }
  for (std::size_t i = 0; i < trace.layers.size(); ++i) {
    if (trace.layers[i] < 0 || (i > 0 && trace.layers[i] <= trace.layers[i - 1])) {
      return fail(ErrorCode::Format, "Routing trace: layer numbers must ascend from 0, but entry {} is {}.",
                  i, trace.layers[i]);
    }
  }
  return {};
}

bool same_set(std::span<const std::uint16_t> a, std::span<const std::uint16_t> b, int& common) {
  common = 0;
  for (std::uint16_t expert : a) common += std::find(b.begin(), b.end(), expert) != b.end() ? 1 : 0;
  return common == static_cast<int>(a.size());
}

}  // namespace

base::Status check_trace(const RoutingTrace& trace) {
  MOESTRESS_TRY_STATUS(check_topology(trace));
  const std::size_t row = trace.layers.size() * static_cast<std::size_t>(trace.k);
  // By division: a product of sizes from a file could wrap around.
  const bool sizes_agree =
      row == 0 ? trace.ids.empty() : trace.ids.size() % row == 0 && trace.ids.size() / row == trace.tokens;
  if (!sizes_agree || (!trace.weights.empty() && trace.weights.size() != trace.ids.size())) {
    return fail(ErrorCode::Format,
                "Routing trace: {} ids and {} weights for {} tokens of {} layers with {} experts each.",
                trace.ids.size(), trace.weights.size(), trace.tokens, trace.layers.size(), trace.k);
  }
  const auto k = static_cast<std::size_t>(trace.k);
  std::vector<std::size_t> last_seen(static_cast<std::size_t>(trace.experts),
                                     0);  // 1 + the entry's first index
  for (std::size_t begin = 0; begin < trace.ids.size(); begin += k) {
    const std::size_t token = begin / row;
    const int layer = trace.layers[begin % row / k];
    const bool absent = trace.ids[begin] == RoutingTrace::kAbsent;
    for (std::size_t i = begin; i < begin + k; ++i) {
      const std::uint16_t expert = trace.ids[i];
      if ((expert == RoutingTrace::kAbsent) != absent || (!absent && expert >= trace.experts)) {
        return fail(ErrorCode::Format, "Routing trace: token {}, layer {}: expert {} of {}.", token, layer,
                    expert, trace.experts);
      }
      if (absent) continue;
      if (last_seen[expert] == begin + 1) {
        return fail(ErrorCode::Format, "Routing trace: token {}, layer {}: expert {} is chosen twice.", token,
                    layer, expert);
      }
      last_seen[expert] = begin + 1;
      if (!trace.weights.empty() && !std::isfinite(trace.weights[i])) {
        return fail(ErrorCode::Format, "Routing trace: token {}, layer {}: a weight is not finite.", token,
                    layer);
      }
    }
  }
  return {};
}

bool same_topology(const RoutingTrace& a, const RoutingTrace& b) {
  return a.layers == b.layers && a.experts == b.experts && a.k == b.k;
}

RoutingAgreement routing_agreement(const RoutingTrace& a, const RoutingTrace& b) {
  CHECK(same_topology(a, b));
  RoutingAgreement result;
  double sum = 0;
  int counted = 0;
  for (std::size_t layer = 0; layer < a.layers.size(); ++layer) {
    LayerAgreement agreement{.layer = a.layers[layer]};
    std::int64_t common_total = 0;
    for (std::size_t token = 0; token < std::min(a.tokens, b.tokens); ++token) {
      if (!a.present(token, layer) || !b.present(token, layer)) continue;
      int common = 0;
      const bool same = same_set(a.chosen(token, layer), b.chosen(token, layer), common);
      if (!same && agreement.first < 0) agreement.first = static_cast<std::int64_t>(token);
      common_total += common;
      ++agreement.tokens;
    }
    if (agreement.tokens > 0) {
      agreement.agreement = static_cast<double>(common_total) / static_cast<double>(agreement.tokens * a.k);
      sum += agreement.agreement;
      ++counted;
    }
    if (agreement.first >= 0 && (result.first_token < 0 || agreement.first < result.first_token)) {
      result.first_token = agreement.first;
      result.first_layer = agreement.layer;
    }
    result.layers.push_back(agreement);
  }
  result.mean = counted > 0 ? sum / counted : 0;
  return result;
}

}  // namespace moestress::record
