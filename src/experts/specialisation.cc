#include "experts/specialisation.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "experts/expert_counts.h"

namespace moestress::experts {
namespace {

/// The topology that all traces share: that of the first there is; null where there is none.
const record::RoutingTrace* any_trace(std::span<const Domain> domains) {
  for (const Domain& domain : domains) {
    if (!domain.traces.empty()) return &domain.traces.front();
  }
  return nullptr;
}

/// The expert whose share in `domain` leads its largest share elsewhere by most; -1 where none leads.
int specialist(const std::vector<std::vector<double>>& share, std::size_t domain) {
  int best = -1;
  double best_lead = 0;
  for (std::size_t e = 0; e < share[domain].size(); ++e) {
    double elsewhere = 0;
    for (std::size_t other = 0; other < share.size(); ++other) {
      if (other != domain) elsewhere = std::max(elsewhere, share[other][e]);
    }
    if (share[domain][e] - elsewhere > best_lead) {
      best_lead = share[domain][e] - elsewhere;
      best = static_cast<int>(e);
    }
  }
  return best;
}

/// Shares of all layers, one after the other, each layer summing to 1 (or all 0).
std::vector<double> all_shares(std::span<const record::RoutingTrace> traces) {
  std::vector<double> shares;
  for (std::size_t layer = 0; layer < traces.front().layers.size(); ++layer) {
    const std::vector<double> of_layer = count_experts(traces, layer).shares();
    shares.insert(shares.end(), of_layer.begin(), of_layer.end());
  }
  return shares;
}

double mean_divergence_bits(const std::vector<double>& p, const std::vector<double>& q, std::size_t experts) {
  double sum = 0;
  for (std::size_t begin = 0; begin < p.size(); begin += experts) {
    sum += jensen_shannon_bits(std::span(p).subspan(begin, experts), std::span(q).subspan(begin, experts));
  }
  return p.empty() ? 0 : sum * static_cast<double>(experts) / static_cast<double>(p.size());
}

}  // namespace

std::vector<LayerSpecialisation> domain_specialisation(std::span<const Domain> domains) {
  std::vector<LayerSpecialisation> layers;
  const record::RoutingTrace* topology = any_trace(domains);
  if (!topology) return layers;
  const auto experts = static_cast<std::size_t>(topology->experts);
  for (std::size_t index = 0; index < topology->layers.size(); ++index) {
    LayerSpecialisation layer;
    layer.layer = topology->layers[index];
    layer.chance = topology->k / static_cast<double>(experts);
    std::vector<std::size_t> present;  // domains with tokens
    for (const Domain& domain : domains) {
      ExpertCounts counts = count_experts(domain.traces, index);
      counts.chosen.resize(experts, 0.0);
      if (counts.tokens > 0) {
        for (double& n : counts.chosen) n /= static_cast<double>(counts.tokens);
        present.push_back(layer.share.size());
      }
      layer.share.push_back(std::move(counts.chosen));
    }
    for (std::size_t domain = 0; domain < domains.size(); ++domain) {
      layer.specialists.push_back(specialist(layer.share, domain));
    }
    for (std::size_t e = 0; e < experts && present.size() > 1; ++e) {
      double least = 1;
      double most = 0;
      for (std::size_t domain : present) {
        least = std::min(least, layer.share[domain][e]);
        most = std::max(most, layer.share[domain][e]);
      }
      layer.spread += (most - least) / layer.chance / static_cast<double>(experts);
    }
    layers.push_back(std::move(layer));
  }
  return layers;
}

std::vector<double> vocabulary_specialisation(std::span<const record::RoutingTrace> traces,
                                              std::span<const std::vector<std::int32_t>> tokens,
                                              std::size_t layer_index) {
  if (traces.empty()) return {};
  struct Seen {
    double times = 0;
    std::map<std::uint16_t, double> experts;
  };
  std::map<std::int32_t, Seen> vocabulary;
  for (std::size_t text = 0; text < std::min(traces.size(), tokens.size()); ++text) {
    const record::RoutingTrace& trace = traces[text];
    for (std::size_t token = 0; token < std::min(trace.tokens, tokens[text].size()); ++token) {
      if (!trace.present(token, layer_index)) continue;
      Seen& seen = vocabulary[tokens[text][token]];
      seen.times += 1;
      for (std::uint16_t expert : trace.chosen(token, layer_index)) seen.experts[expert] += 1;
    }
  }
  std::vector<double> weighted(static_cast<std::size_t>(traces[0].experts), 0.0);
  std::vector<double> weight(weighted.size(), 0.0);
  for (const auto& [id, seen] : vocabulary) {
    if (seen.times < 2) continue;
    for (const auto& [expert, times] : seen.experts) {
      weighted[expert] += times * times / seen.times;
      weight[expert] += times;
    }
  }
  for (std::size_t e = 0; e < weighted.size(); ++e) {
    if (weight[e] > 0) weighted[e] /= weight[e];
  }
  return weighted;
}

std::vector<double> co_activation(std::span<const record::RoutingTrace> traces, std::size_t layer_index) {
  if (traces.empty()) return {};
  const auto experts = static_cast<std::size_t>(traces[0].experts);
  std::vector<double> together(experts * experts, 0.0);
  for (const record::RoutingTrace& trace : traces) {
    for (std::size_t token = 0; token < trace.tokens; ++token) {
      if (!trace.present(token, layer_index)) continue;
      const auto chosen = trace.chosen(token, layer_index);
      for (std::uint16_t i : chosen) {
        for (std::uint16_t j : chosen) together[i * experts + j] += 1;
      }
    }
  }
  for (std::size_t i = 0; i < experts; ++i) {
    const double alone = together[i * experts + i];
    for (std::size_t j = 0; j < experts && alone > 0; ++j) together[i * experts + j] /= alone;
  }
  return together;
}

Mixture mixture(std::span<const record::RoutingTrace> mixed, std::span<const record::RoutingTrace> a,
                std::span<const record::RoutingTrace> b) {
  Mixture result;
  if (mixed.empty() || a.empty() || b.empty()) return result;
  const std::vector<double> m = all_shares(mixed);
  const std::vector<double> p = all_shares(a);
  const std::vector<double> q = all_shares(b);
  double along = 0;
  double apart = 0;
  for (std::size_t i = 0; i < m.size(); ++i) {
    along += (m[i] - q[i]) * (p[i] - q[i]);
    apart += (p[i] - q[i]) * (p[i] - q[i]);
  }
  const auto experts = static_cast<std::size_t>(mixed[0].experts);
  result.jsd_a_bits = mean_divergence_bits(m, p, experts);
  result.jsd_b_bits = mean_divergence_bits(m, q, experts);
  result.jsd_ab_bits = mean_divergence_bits(p, q, experts);
  if (apart == 0) return result;  // nothing to lie between
  result.weight_a = along / apart;
  double off = 0;
  for (std::size_t i = 0; i < m.size(); ++i) {
    const double mix = result.weight_a * p[i] + (1 - result.weight_a) * q[i];
    off += (m[i] - mix) * (m[i] - mix);
  }
  result.off_line = std::sqrt(off / apart);
  result.between = result.weight_a >= 0 && result.weight_a <= 1 && result.jsd_a_bits < result.jsd_ab_bits &&
                   result.jsd_b_bits < result.jsd_ab_bits;
  return result;
}

}  // namespace moestress::experts
