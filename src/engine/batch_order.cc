#include "engine/batch_order.h"

#include <algorithm>
#include <deque>
#include <map>

#include "base/check.h"

namespace moestress::engine {
namespace {

/// The sequences of the next micro-batch: the first that has a token left, and those whose id follows on it,
/// each found behind the one before it in the batch.
std::vector<int> consecutive_sequences(std::span<const BatchEntry> entries, const std::vector<bool>& used,
                                       std::size_t most) {
  std::vector<int> sequences;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (used[i]) continue;
    const int sequence = entries[i].sequence;
    if (sequences.empty() || sequence == sequences.back() + 1) sequences.push_back(sequence);
    if (sequences.size() > most) break;
  }
  return sequences;
}

}  // namespace

std::vector<std::vector<std::size_t>> micro_batches(std::span<const BatchEntry> entries,
                                                    std::size_t micro_batch_tokens) {
  CHECK(micro_batch_tokens > 0);
  std::map<int, std::deque<std::size_t>> left;  // of each sequence
  for (std::size_t i = 0; i < entries.size(); ++i) left[entries[i].sequence].push_back(i);

  std::vector<std::vector<std::size_t>> all;
  std::vector<bool> used(entries.size(), false);
  std::size_t placed = 0;
  while (placed < entries.size()) {
    const std::vector<int> sequences = consecutive_sequences(entries, used, micro_batch_tokens);
    std::size_t each = left[sequences.front()].size();
    for (int sequence : sequences) each = std::min(each, left[sequence].size());
    // One token of each is always taken, even if that is more than a micro-batch should hold.
    each = std::min(each, std::max<std::size_t>(1, micro_batch_tokens / sequences.size()));

    std::vector<std::size_t> columns;
    for (int sequence : sequences) {
      for (std::size_t i = 0; i < each; ++i) {
        const std::size_t entry = left[sequence].front();
        left[sequence].pop_front();
        used[entry] = true;
        columns.push_back(entry);
      }
    }
    placed += columns.size();
    all.push_back(std::move(columns));
  }
  return all;
}

}  // namespace moestress::engine
