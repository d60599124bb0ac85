#include "quality/consistency.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/random.h"
#include "base/text.h"
#include "quality/logits.h"
#include "stats/quantile.h"

namespace moestress::quality {
namespace {

using base::ErrorCode;
using base::fail;

std::string shown(const std::string& id) { return base::printable(id, 80); }

TextConsistency compare_text(const ScoredText& baseline, const ScoredText& other) {
  TextConsistency text;
  text.id = baseline.id;
  double agreed = 0;
  for (std::size_t position = baseline.scored_from; position < baseline.tokens.size(); ++position) {
    const RowComparison row = compare_rows(baseline.row(position - 1), other.row(position - 1),
                                           static_cast<std::size_t>(baseline.tokens[position]));
    const bool same = row.baseline_top == row.other_top;
    agreed += same ? 1 : 0;
    if (!same && text.first_divergence < 0) {
      text.first_divergence = static_cast<std::int64_t>(position);
      text.margin_at_divergence = row.margin_nats;
      text.near_tie = row.margin_nats <= kNearTieNats;
    }
    text.kl_nats.push_back(row.kl_nats);
    const double delta_p = std::exp(row.other_log_p) - std::exp(row.baseline_log_p);
    text.delta_p_mean += delta_p;
    text.delta_p_abs_max = std::max(text.delta_p_abs_max, std::abs(delta_p));
    text.log_likelihood_baseline += row.baseline_log_p;
    text.log_likelihood_other += row.other_log_p;
  }
  text.positions = static_cast<std::int64_t>(text.kl_nats.size());
  const auto n = static_cast<double>(text.positions);
  text.agreement = agreed / n;
  text.delta_p_mean /= n;
  text.log_likelihood_baseline /= n;
  text.log_likelihood_other /= n;
  const stats::Summary kl = stats::summarize(text.kl_nats);
  text.kl_nats_mean = kl.mean;
  text.kl_nats_p99 = kl.p99;
  text.kl_nats_max = kl.max;
  if (baseline.routing && other.routing)
    text.routing = record::routing_agreement(*baseline.routing, *other.routing);
  return text;
}

void summarise_positions(Consistency& result) {
  std::vector<double> kl;
  double log_ratio = 0;
  for (const TextConsistency& text : result.texts) {
    kl.insert(kl.end(), text.kl_nats.begin(), text.kl_nats.end());
    const auto n = static_cast<double>(text.positions);
    result.delta_p_mean += n * text.delta_p_mean;
    log_ratio += n * (text.log_likelihood_baseline - text.log_likelihood_other);
  }
  result.positions = static_cast<std::int64_t>(kl.size());
  result.delta_p_mean /= static_cast<double>(result.positions);
  result.perplexity_ratio = std::exp(log_ratio / static_cast<double>(result.positions));
  const stats::Summary summary = stats::summarize(kl);
  result.kl_nats_mean = summary.mean;
  result.kl_nats_median = summary.median;
  result.kl_nats_p99 = summary.p99;
  result.kl_nats_max = summary.max;
}

void summarise_texts(Consistency& result, std::uint64_t seed) {
  std::vector<double> agreement;
  std::vector<double> kl;
  for (const TextConsistency& text : result.texts) {
    agreement.push_back(text.agreement);
    kl.push_back(text.kl_nats_mean);
    if (text.first_divergence < 0) continue;
    ++result.diverged;
    result.near_ties += text.near_tie ? 1 : 0;
    result.margin_at_divergence_max = std::max(result.margin_at_divergence_max, text.margin_at_divergence);
  }
  const auto n = static_cast<double>(agreement.size());
  result.agreement_mean = stats::summarize(agreement).mean;
  result.agreement_wilson = stats::wilson(result.agreement_mean * n, n);
  result.agreement_bootstrap = stats::bootstrap_mean(agreement, base::derive_seed(seed, "quality.agreement"));
  result.kl_nats_bootstrap = stats::bootstrap_mean(kl, base::derive_seed(seed, "quality.kl"));
}

void summarise_routing(Consistency& result) {
  std::map<int, LayerConsistency> layers;
  std::map<int, int> parted_first;
  for (const TextConsistency& text : result.texts) {
    if (!text.routing) continue;
    if (text.routing->first_layer >= 0) ++parted_first[text.routing->first_layer];
    for (const record::LayerAgreement& of_text : text.routing->layers) {
      LayerConsistency& layer = layers[of_text.layer];
      layer.layer = of_text.layer;
      layer.agreement += of_text.agreement * static_cast<double>(of_text.tokens);
      layer.tokens += of_text.tokens;
    }
  }
  for (auto& [number, layer] : layers) {
    if (layer.tokens == 0) continue;
    layer.agreement /= static_cast<double>(layer.tokens);
    result.routing_agreement += layer.agreement;
    result.routing.push_back(layer);
  }
  if (!result.routing.empty()) result.routing_agreement /= static_cast<double>(result.routing.size());
  int most = 0;
  for (const auto& [layer, texts] : parted_first) {
    if (texts > most) result.routing_first_layer = layer;
    most = std::max(most, texts);
  }
}

}  // namespace

base::Status check_comparable(const ScoredText& a, const ScoredText& b) {
  if (a.id != b.id) {
    return fail(ErrorCode::Format,
                "text \"{}\" stands where the other file has \"{}\"; score both from the same texts",
                shown(a.id), shown(b.id));
  }
  const auto differs = [&](const char* what) {
    return fail(ErrorCode::Format,
                "text \"{}\": the files differ in {}; score the other with --from the baseline", shown(a.id),
                what);
  };
  if (a.tokens != b.tokens) return differs("its tokens");
  if (a.scored_from != b.scored_from) return differs("where scoring begins");
  if (a.logits.empty() || b.logits.empty()) {
    return fail(ErrorCode::Format, "text \"{}\": no logits; score it without --no-logits", shown(a.id));
  }
  if (a.vocabulary != b.vocabulary) return differs("vocabulary, so they are of different models");
  if (a.scored_from >= a.tokens.size()) {
    return fail(ErrorCode::Format,
                "text \"{}\": no position to compare, since scoring begins after its last token",
                shown(a.id));
  }
  if (a.routing && b.routing && !record::same_topology(*a.routing, *b.routing))
    return differs("routed layers or experts");
  return {};
}

base::Result<Consistency> compare_scores(const std::string& baseline_path, const std::string& other_path,
                                         std::uint64_t seed) {
  MOESTRESS_TRY(auto baseline_file, ScoreReader::open(baseline_path));
  MOESTRESS_TRY(auto other_file, ScoreReader::open(other_path));
  const std::string both = baseline_path + " and " + other_path;
  Consistency result;
  while (true) {
    MOESTRESS_TRY(const std::optional<ScoredText> baseline, baseline_file.next());
    MOESTRESS_TRY(const std::optional<ScoredText> other, other_file.next());
    if (!baseline && !other) break;
    if (!baseline || !other) {
      return fail(ErrorCode::Format, "{}: one has only {} of the texts; score both from the same texts", both,
                  result.texts.size());
    }
    if (auto status = check_comparable(*baseline, *other); !status) return base::within(both, status.error());
    result.texts.push_back(compare_text(*baseline, *other));
  }
  if (result.texts.empty()) return fail(ErrorCode::Format, "{}: no text in them", both);
  summarise_positions(result);
  summarise_texts(result, seed);
  summarise_routing(result);
  return result;
}

}  // namespace moestress::quality
