#include "engine/batch_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace moestress::engine {
namespace {

using testing::ElementsAre;

std::vector<BatchEntry> batch(const std::vector<int>& sequences) {
  std::vector<BatchEntry> entries;
  for (int sequence : sequences)
    entries.push_back({.token = 0, .position = 0, .sequence = sequence, .output = false});
  return entries;
}

TEST(MicroBatches, OneSequenceKeepsItsOrder) {
  EXPECT_THAT(micro_batches(batch({2, 2, 2}), 512), ElementsAre(ElementsAre(0, 1, 2)));
  EXPECT_TRUE(micro_batches({}, 512).empty());
}

TEST(MicroBatches, OneSequenceIsCutAtTheMicroBatch) {
  EXPECT_THAT(micro_batches(batch({0, 0, 0, 0, 0}), 2),
              ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3), ElementsAre(4)));
}

TEST(MicroBatches, SeveralSequencesGiveTheSameNumberOfTokensEachOneAfterAnother) {
  // Interleaved in the batch, laid sequence by sequence.
  EXPECT_THAT(micro_batches(batch({0, 1, 0, 1}), 512), ElementsAre(ElementsAre(0, 2, 1, 3)));
}

TEST(MicroBatches, ALongerSequenceGoesOnAlone) {
  EXPECT_THAT(micro_batches(batch({0, 1, 1, 1, 1}), 512),
              ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3, 4)));
}

TEST(MicroBatches, AGapInTheSequenceIdsSplits) {
  EXPECT_THAT(micro_batches(batch({0, 1, 3}), 512), ElementsAre(ElementsAre(0, 1), ElementsAre(2)));
}

TEST(MicroBatches, ALowerIdBehindAHigherOneWaits) {
  // From 2 on only 3 follows; 0 and 1 make the next micro-batch.
  EXPECT_THAT(micro_batches(batch({2, 0, 1, 3}), 512), ElementsAre(ElementsAre(0, 3), ElementsAre(1, 2)));
}

TEST(MicroBatches, SequencesShareTheMicroBatchEvenly) {
  // Two sequences of three in micro-batches of five: two tokens each, then one each.
  EXPECT_THAT(micro_batches(batch({0, 0, 0, 1, 1, 1}), 5),
              ElementsAre(ElementsAre(0, 1, 3, 4), ElementsAre(2, 5)));
}

TEST(MicroBatches, EveryEntryIsInExactlyOne) {
  base::Random random(5);
  for (int round = 0; round < 300; ++round) {
    std::vector<int> sequences;
    for (std::uint64_t i = 0; i < random.below(40); ++i)
      sequences.push_back(static_cast<int>(random.below(6)));
    const std::size_t most = 1 + random.below(16);
    std::vector<int> seen(sequences.size(), 0);
    for (const auto& columns : micro_batches(batch(sequences), most)) {
      EXPECT_FALSE(columns.empty());
      for (std::size_t entry : columns) ++seen[entry];
    }
    EXPECT_THAT(seen, testing::Each(1));
  }
}

}  // namespace
}  // namespace moestress::engine
