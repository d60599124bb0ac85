#include "protocol/text_pairs.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "quality/degeneration.h"
#include "quality/outcome_pairs.h"
#include "quality/text_metrics.h"
#include "stats/interval.h"
#include "stats/quantile.h"

namespace moestress::protocol {
namespace {

double mean_of(const std::vector<double>& values) { return stats::summarize(values).mean; }

/// One figure of several texts.
struct Figure {
  const char* name;
  double quality::Degeneration::*value;
};
constexpr Figure kFigures[] = {{"rep4", &quality::Degeneration::rep4},
                               {"distinct2", &quality::Degeneration::distinct2},
                               {"diversity", &quality::Degeneration::diversity},
                               {"compression_ratio", &quality::Degeneration::compression_ratio},
                               {"mtld_words", &quality::Degeneration::mtld}};

}  // namespace

void note_texts(const Texts& a, const Texts& b, const std::string& pair, ResultBuilder& result) {
  std::vector<double> rouge, chrf, bleu, edit;
  double identical = 0;
  const std::size_t n = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < n; ++i) {
    rouge.push_back(quality::rouge_l(b[i], a[i]));
    chrf.push_back(quality::chrf(b[i], a[i]));
    bleu.push_back(quality::bleu(b[i], a[i]));
    edit.push_back(quality::edit_similarity(b[i], a[i]));
    identical += a[i] == b[i] ? 1 : 0;
  }
  if (n == 0) return;
  const auto count = static_cast<std::int64_t>(n);
  result.metric(pair + "_text_identical", identical / static_cast<double>(n), "", count,
                stats::wilson(identical, static_cast<double>(n)));
  result.metric(pair + "_text_rouge_l", mean_of(rouge), "", count, stats::mean_interval(rouge));
  result.metric(pair + "_text_chrf", mean_of(chrf), "", count, stats::mean_interval(chrf));
  result.metric(pair + "_text_bleu", mean_of(bleu), "", count, stats::mean_interval(bleu));
  result.metric(pair + "_text_edit_similarity", mean_of(edit), "", count, stats::mean_interval(edit));
}

void note_coherence(const std::vector<LongTexts>& sides, ResultBuilder& result) {
  record::Table table{
      "Coherence of long texts",
      {"texts", "rep-4", "distinct-2", "diversity", "compression ratio", "MTLD words", "looping"},
      {},
      {},
      "table"};
  std::vector<bool> first_loops;
  for (const LongTexts& side : sides) {
    std::vector<quality::Degeneration> figures;
    for (const std::string& text : side.texts) figures.push_back(quality::degeneration(text));
    const auto count = static_cast<std::int64_t>(figures.size());
    if (count == 0) continue;
    std::vector<double> row{static_cast<double>(count)};
    for (const Figure& figure : kFigures) {
      std::vector<double> values;
      for (const auto& one : figures) values.push_back(one.*figure.value);
      row.push_back(mean_of(values));
      result.metric(fmt::format("long_text_{}_{}", figure.name, side.side), row.back(), "", count,
                    stats::mean_interval(values));
    }
    std::int64_t looping = 0;
    for (std::size_t i = 0; i < figures.size(); ++i) {
      looping += figures[i].looping ? 1 : 0;
      if (&side == &sides.front()) first_loops.push_back(figures[i].looping);
      if (figures[i].looping && i < first_loops.size() && !first_loops[i])
        result.finding("warning",
                       fmt::format("long text {} ends in a loop on the {} side, but not on the {} side",
                                   i + 1, side.side, sides.front().side));
    }
    row.push_back(static_cast<double>(looping));
    result.metric(fmt::format("long_texts_looping_{}", side.side), static_cast<double>(looping), "", count);
    table.rows.push_back(std::move(row));
    table.row_labels.push_back(side.side);
  }
  if (!table.rows.empty()) result.table(std::move(table));
}

void note_facts(const std::vector<workload::Question>& facts, const FactReplies& a, const FactReplies& b,
                const std::string& pair, ResultBuilder& result) {
  quality::OutcomePairs pairs;
  std::string lost;
  for (std::size_t i = 0; i < std::min({facts.size(), a.replies.size(), b.replies.size()}); ++i) {
    const bool first = workload::is_answered(facts[i], a.replies[i]),
               second = workload::is_answered(facts[i], b.replies[i]);
    pairs.add(first, second);
    if (first && !second && lost.empty())
      lost = fmt::format("\"{}\": {} said \"{}\", {} \"{}\"", facts[i].text, a.side,
                         base::printable(a.replies[i], 80), b.side, base::printable(b.replies[i], 80));
  }
  const std::int64_t n = pairs.pairs();
  if (n == 0) return;
  const auto share = [&](const std::string& side, std::int64_t right) {
    result.metric("fact_accuracy_" + side, static_cast<double>(right) / static_cast<double>(n), "", n,
                  stats::wilson(static_cast<double>(right), static_cast<double>(n)));
  };
  share(a.side, pairs.both_right + pairs.lost);
  share(b.side, pairs.both_right + pairs.won);
  result.metric(pair + "_fact_flips", static_cast<double>(pairs.flips()), "", n);
  result.metric(pair + "_facts_unflipped", pairs.unflipped(), "", n, pairs.unflipped_wilson());
  if (!lost.empty()) result.finding("info", "a fact that only one side states: " + lost);
  if (pairs.worse())
    result.judge(
        record::Verdict::Fail,
        fmt::format(
            "of {} facts the {} side states {} that the {} side does not, and {} the other way (McNemar p = "
            "{:.2g})",
            n, a.side, pairs.lost, b.side, pairs.won, pairs.p()));
}

}  // namespace moestress::protocol
