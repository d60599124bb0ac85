#include "experts/specialists.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"
#include "base/random.h"
#include "experts/expert_counts.h"
#include "stats/significance.h"

namespace moestress::experts {
namespace {

constexpr int kPermutationsMax = 100'000;
constexpr std::size_t kFoldsMax = 4;

/// For each prompt the share of its tokens that chose each expert of each layer, [prompts][layers × E]: each
/// prompt is one sample, however long.
struct PromptShares {
  std::vector<std::vector<float>> rows;  ///< domain after domain
  std::vector<std::size_t> sizes;        ///< prompts of each domain
  std::vector<int> layers;
  std::size_t experts = 0;
  int k = 0;

  std::size_t columns() const { return layers.size() * experts; }
};

PromptShares prompt_shares(std::span<const Domain> domains) {
  PromptShares shares;
  for (const Domain& domain : domains) {
    shares.sizes.push_back(domain.traces.size());
    for (const record::RoutingTrace& trace : domain.traces) {
      if (shares.rows.empty()) {
        shares.layers = trace.layers;
        shares.experts = static_cast<std::size_t>(trace.experts);
        shares.k = trace.k;
      }
      CHECK(trace.layers == shares.layers && static_cast<std::size_t>(trace.experts) == shares.experts);
      std::vector<float>& row = shares.rows.emplace_back();
      for (std::size_t layer = 0; layer < shares.layers.size(); ++layer) {
        ExpertCounts counts;
        counts.add(trace, layer);
        counts.chosen.resize(shares.experts, 0.0);
        for (const double n : counts.chosen)
          row.push_back(counts.tokens > 0 ? static_cast<float>(n / static_cast<double>(counts.tokens))
                                          : 0.0F);
      }
    }
  }
  return shares;
}

void add_to(std::vector<double>& sum, const std::vector<float>& row) {
  for (std::size_t i = 0; i < row.size(); ++i) sum[i] += row[i];
}

/// η² of every column, with prompts dealt to the domains in the order given.
class ExplainedVariance {
 public:
  explicit ExplainedVariance(const PromptShares& shares)
      : shares_(shares), sum_(shares.columns(), 0.0), total_(shares.columns(), 0.0) {
    for (const auto& row : shares.rows) add_to(sum_, row);
    const auto n = static_cast<double>(shares.rows.size());
    for (const auto& row : shares.rows)
      for (std::size_t i = 0; i < row.size(); ++i) total_[i] += std::pow(row[i] - sum_[i] / n, 2);
  }

  void of(const std::vector<std::size_t>& order, std::vector<double>& eta_squared) {
    const auto n = static_cast<double>(order.size());
    eta_squared.assign(sum_.size(), 0.0);
    std::size_t next = 0;
    for (const std::size_t size : shares_.sizes) {
      if (size == 0) continue;
      group_.assign(sum_.size(), 0.0);
      for (std::size_t i = 0; i < size; ++i) add_to(group_, shares_.rows[order[next++]]);
      for (std::size_t i = 0; i < group_.size(); ++i)
        eta_squared[i] += group_[i] * group_[i] / static_cast<double>(size);
    }
    for (std::size_t i = 0; i < sum_.size(); ++i)
      eta_squared[i] =
          total_[i] > 1e-12 ? std::clamp((eta_squared[i] - sum_[i] * sum_[i] / n) / total_[i], 0.0, 1.0) : 0;
  }

 private:
  const PromptShares& shares_;
  std::vector<double> sum_, total_, group_;
};

std::vector<std::size_t> in_order(std::size_t n) {
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  return order;
}

/// [domains][layers × E] mean share over the domain's prompts.
std::vector<std::vector<double>> domain_means(const PromptShares& shares) {
  std::vector<std::vector<double>> means;
  std::size_t next = 0;
  for (const std::size_t size : shares.sizes) {
    auto& mean = means.emplace_back(shares.columns(), 0.0);
    for (std::size_t i = 0; i < size; ++i) add_to(mean, shares.rows[next++]);
    for (double& value : mean) value /= std::max<double>(1, static_cast<double>(size));
  }
  return means;
}

/// One cross-validated look at the load on chosen experts, with prompts dealt in the order given.
class AimedLoad {
 public:
  AimedLoad(const PromptShares& shares, std::size_t subset, std::size_t folds)
      : shares_(shares), subset_(subset), folds_(folds), domains_(shares.sizes.size()) {}

  /// [domain whose experts][domain of the prompts]
  std::vector<std::vector<double>> of(const std::vector<std::size_t>& order) {
    sum_by_fold(order);
    std::vector<std::vector<double>> load(domains_, std::vector<double>(domains_, 0.0));
    for (std::size_t fold = 0; fold < folds_; ++fold)
      for (std::size_t domain = 0; domain < domains_; ++domain) {
        choose(domain, fold);
        for (std::size_t of = 0; of < domains_; ++of)
          for (const std::size_t column : chosen_) load[domain][of] += sums_[of][fold][column];
      }
    const double choices = static_cast<double>(shares_.k) * static_cast<double>(shares_.layers.size());
    for (auto& row : load)
      for (std::size_t of = 0; of < domains_; ++of)
        row[of] /= choices * static_cast<double>(shares_.sizes[of]);
    return load;
  }

 private:
  void sum_by_fold(const std::vector<std::size_t>& order) {
    sums_.assign(domains_,
                 std::vector<std::vector<double>>(folds_, std::vector<double>(shares_.columns(), 0.0)));
    whole_.assign(domains_, std::vector<double>(shares_.columns(), 0.0));
    std::size_t next = 0;
    for (std::size_t domain = 0; domain < domains_; ++domain)
      for (std::size_t i = 0; i < shares_.sizes[domain]; ++i, ++next) {
        add_to(sums_[domain][i % folds_], shares_.rows[order[next]]);
        add_to(whole_[domain], shares_.rows[order[next]]);
      }
  }

  /// Prompts of a domain outside a fold.
  double others(std::size_t domain, std::size_t fold) const {
    const std::size_t size = shares_.sizes[domain];
    return static_cast<double>(size - (size + folds_ - 1 - fold) / folds_);
  }

  /// Columns of the experts, `subset_` of each layer, whose mean share in `domain` leads most over that in
  /// the other domains, without the prompts of `fold`.
  void choose(std::size_t domain, std::size_t fold) {
    lead_.assign(shares_.columns(), 0.0);
    for (std::size_t of = 0; of < domains_; ++of) {
      const double weight =
          (of == domain ? 1.0 : -1.0 / static_cast<double>(domains_ - 1)) / others(of, fold);
      for (std::size_t i = 0; i < lead_.size(); ++i)
        lead_[i] += weight * (whole_[of][i] - sums_[of][fold][i]);
    }
    chosen_.clear();
    std::vector<std::size_t> experts(shares_.experts);
    for (std::size_t layer = 0; layer < shares_.layers.size(); ++layer) {
      std::iota(experts.begin(), experts.end(), layer * shares_.experts);
      std::partial_sort(
          experts.begin(), experts.begin() + static_cast<std::ptrdiff_t>(subset_), experts.end(),
          [&](std::size_t a, std::size_t b) { return lead_[a] != lead_[b] ? lead_[a] > lead_[b] : a < b; });
      chosen_.insert(chosen_.end(), experts.begin(), experts.begin() + static_cast<std::ptrdiff_t>(subset_));
    }
  }

  const PromptShares& shares_;
  std::size_t subset_, folds_, domains_;
  std::vector<std::vector<std::vector<double>>> sums_;  ///< [domains][folds][columns]
  std::vector<std::vector<double>> whole_;              ///< [domains][columns]
  std::vector<double> lead_;
  std::vector<std::size_t> chosen_;
};

/// Per domain the load by its own prompts less the mean by the others', and their mean last.
std::vector<double> leads(const std::vector<std::vector<double>>& load) {
  std::vector<double> lead;
  for (std::size_t domain = 0; domain < load.size(); ++domain) {
    const double all = std::accumulate(load[domain].begin(), load[domain].end(), 0.0);
    const double own = load[domain][domain];
    lead.push_back(own - (all - own) / static_cast<double>(load.size() - 1));
  }
  lead.push_back(std::accumulate(lead.begin(), lead.end(), 0.0) / static_cast<double>(load.size()));
  return lead;
}

}  // namespace

std::vector<Specialist> specialists(std::span<const Domain> domains, int permutations, std::uint64_t seed) {
  const PromptShares shares = prompt_shares(domains);
  const auto present = std::count_if(shares.sizes.begin(), shares.sizes.end(), [](auto n) { return n > 0; });
  if (present < 2) return {};
  ExplainedVariance variance(shares);
  auto order = in_order(shares.rows.size());
  std::vector<double> observed, dealt;
  variance.of(order, observed);
  base::Random random(base::derive_seed(seed, "experts.specialists"));
  std::vector<double> largest;
  for (int i = 0; i < std::clamp(permutations, 0, kPermutationsMax); ++i) {
    random.shuffle(order);
    variance.of(order, dealt);
    largest.push_back(*std::max_element(dealt.begin(), dealt.end()));
  }
  const auto means = domain_means(shares);
  std::vector<Specialist> all;
  for (std::size_t column = 0; column < shares.columns(); ++column) {
    Specialist one;
    one.layer = shares.layers[column / shares.experts];
    one.expert = static_cast<int>(column % shares.experts);
    for (std::size_t domain = 0; domain < means.size(); ++domain)
      if (means[domain][column] > means[one.domain][column]) one.domain = domain;
    one.share = means[one.domain][column];
    for (std::size_t domain = 0; domain < means.size(); ++domain)
      if (domain != one.domain) one.share_elsewhere = std::max(one.share_elsewhere, means[domain][column]);
    one.explained = observed[column];
    one.p = stats::permutation_p(observed[column], largest);
    all.push_back(one);
  }
  return all;
}

SubsetAim aim_at_subsets(std::span<const Domain> domains, int subset, int permutations, std::uint64_t seed) {
  const PromptShares shares = prompt_shares(domains);
  SubsetAim aim;
  if (domains.size() < 2 || shares.rows.empty()) return aim;
  const std::size_t smallest = *std::min_element(shares.sizes.begin(), shares.sizes.end());
  aim.subset = std::clamp(subset, 1, static_cast<int>(shares.experts));
  aim.chance = aim.subset / static_cast<double>(shares.experts);
  if (smallest < 2) return aim;
  const std::size_t folds = std::min(kFoldsMax, smallest);
  aim.folds = static_cast<int>(folds);
  AimedLoad aimed(shares, static_cast<std::size_t>(aim.subset), folds);
  auto order = in_order(shares.rows.size());
  aim.load = aimed.of(order);
  const auto observed = leads(aim.load);
  aim.permutations = std::clamp(permutations, 0, kPermutationsMax);
  base::Random random(base::derive_seed(seed, "experts.aim_at_subsets"));
  std::vector<std::vector<double>> dealt(observed.size());
  for (int i = 0; i < aim.permutations; ++i) {
    random.shuffle(order);
    const auto lead = leads(aimed.of(order));
    for (std::size_t j = 0; j < lead.size(); ++j) dealt[j].push_back(lead[j]);
  }
  aim.lead.assign(observed.begin(), observed.end() - 1);
  for (std::size_t j = 0; j + 1 < observed.size(); ++j)
    aim.lead_p.push_back(stats::permutation_p(observed[j], dealt[j]));
  aim.lead_mean = observed.back();
  aim.p = stats::permutation_p(observed.back(), dealt.back());
  return aim;
}

}  // namespace moestress::experts
