#include "protocol/recall.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "stats/significance.h"

namespace moestress::protocol {
namespace {

using record::Verdict;

constexpr double kSignificance = 0.05;
constexpr double kLostShare = 0.5;

struct Region {
  std::string name;
  std::int64_t trials = 0;
  std::int64_t kept = 0;    ///< answered in both
  std::int64_t lost = 0;    ///< answered in the control only
  std::int64_t gained = 0;  ///< answered in the long text only
  double p() const { return stats::mcnemar_exact(lost, gained); }
  bool below_half() const {
    return static_cast<double>(kept) < kLostShare * static_cast<double>(kept + lost);
  }
};

Region region(std::string name, std::span<const RecallTrial> trials,
              const std::function<bool(const RecallTrial&)>& inside) {
  Region found{std::move(name)};
  for (const RecallTrial& trial : trials) {
    if (!inside(trial)) continue;
    ++found.trials;
    found.kept += trial.control && trial.recalled ? 1 : 0;
    found.lost += trial.control && !trial.recalled ? 1 : 0;
    found.gained += !trial.control && trial.recalled ? 1 : 0;
  }
  return found;
}

std::vector<Region> regions_of(std::span<const RecallTrial> trials) {
  double longest = 0;
  for (const RecallTrial& trial : trials) longest = std::max(longest, trial.length);
  std::vector<Region> regions{
      region("over all lengths and depths", trials, [](const auto&) { return true; })};
  const std::vector<Region> parts{
      region("in the front half of the text", trials, [](const auto& trial) { return trial.depth < 0.5; }),
      region("in the back half of the text", trials, [](const auto& trial) { return trial.depth >= 0.5; }),
      region("in the longer texts", trials,
             [longest](const auto& trial) { return trial.length > longest / 2; })};
  for (const Region& part : parts)
    if (part.trials > 0 && part.trials < regions.front().trials) regions.push_back(part);
  return regions;
}

/// The fewest needles that can show a loss: all of them lost, in one of `regions` regions.
std::int64_t needles_needed(std::size_t regions) {
  std::int64_t n = 1;
  while (stats::mcnemar_exact(n, 0) * static_cast<double>(regions) >= kSignificance) ++n;
  return n;
}

}  // namespace

Recall judge_recall(std::span<const RecallTrial> trials) {
  const std::vector<Region> regions = regions_of(trials);
  const Region& all = regions.front();
  Recall recall;
  recall.asked = all.trials;
  recall.controls = all.kept + all.lost;
  recall.recalled = all.kept;
  recall.share = stats::wilson(static_cast<double>(all.kept), static_cast<double>(recall.controls));
  std::vector<double> p;
  for (const Region& part : regions) p.push_back(part.p());
  p = stats::holm(p);
  const Region* worst = nullptr;
  double worst_p = kSignificance;
  for (std::size_t i = 0; i < regions.size(); ++i) {
    if (!regions[i].below_half() || p[i] >= worst_p) continue;
    worst = &regions[i];
    worst_p = p[i];
  }
  const std::int64_t needed = needles_needed(regions.size());
  if (worst) {
    recall.verdict = Verdict::Fail;
    recall.text = fmt::format(
        "{} only {} of {} needles are recalled that are answered right after the fact (McNemar p = {:.2g}, "
        "{} needles asked): text is lost",
        worst->name, worst->kept, worst->kept + worst->lost, worst_p, worst->trials);
  } else if (recall.controls < needed) {
    recall.text = fmt::format(
        "recall is not decided: {} of {} needles were answered right after the fact, of which {} in the long "
        "text, and it takes {}",
        recall.controls, recall.asked, recall.recalled, needed);
    recall.hint = recall.asked < needed
                      ? "add context_needle_depths or context_fractions"
                      : "the model is too weak for the question, or there are too few of them";
  } else {
    recall.verdict = Verdict::Pass;
    recall.worse = p.front() < kSignificance && all.lost > all.gained;
    recall.text = fmt::format("{} of {} needles are recalled (95 % interval {:.0f} to {:.0f} %)",
                              recall.recalled, recall.controls, 100 * recall.share.lo, 100 * recall.share.hi);
  }
  return recall;
}

}  // namespace moestress::protocol
