#include "store/chunk_times.h"

#include <gtest/gtest.h>

#include <limits>

namespace moestress::store {
namespace {

TEST(ChunkTimes, RoundTripWithTheTextTheyWereCutFrom) {
  const std::vector<record::Chunk> chunks{
      {base::Duration(5), "a"}, {base::Duration(80'000'005), ""}, {base::Duration(80'000'004), "bcd"}};
  const std::string blob = encode_chunks(chunks, 100);
  const auto again = decode_chunks(blob, "abcd");
  ASSERT_TRUE(again) << again.error().message;
  ASSERT_EQ(again->size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ((*again)[i].at, chunks[i].at);
    EXPECT_EQ((*again)[i].text, chunks[i].text);
  }
}

TEST(ChunkTimes, TheWidestTimesSurvive) {
  const auto low = std::numeric_limits<std::int64_t>::min();
  const auto high = std::numeric_limits<std::int64_t>::max();
  const auto again = decode_chunks(
      encode_chunks({{base::Duration(low), ""}, {base::Duration(high), ""}, {base::Duration(low), ""}}, 9),
      "");
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)[0].at.count(), low);
  EXPECT_EQ((*again)[1].at.count(), high);
  EXPECT_EQ((*again)[2].at.count(), low);
}

TEST(ChunkTimes, AreCompactForTokensThatComeEveryTenthOfASecond) {
  std::vector<record::Chunk> chunks;
  for (int i = 0; i < 1000; ++i) chunks.push_back({base::Duration(i * 100'000'000LL + i % 7), "word"});
  EXPECT_LE(encode_chunks(chunks, 1000).size(), 1000u * 6);
}

TEST(ChunkTimes, TextCutShortLeavesLaterChunksShorterOrEmpty) {
  const std::string blob = encode_chunks(
      {{base::Duration(1), "abc"}, {base::Duration(2), "def"}, {base::Duration(3), "ghi"}}, 100);
  const auto again = decode_chunks(blob, "abcd");
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)[1].text, "d");
  EXPECT_EQ((*again)[2].text, "");
  EXPECT_EQ((*again)[2].at, base::Duration(3));
}

TEST(ChunkTimes, NoMoreThanAskedForAreKept) {
  const std::string blob = encode_chunks({{base::Duration(1), "a"}, {base::Duration(2), "b"}}, 1);
  EXPECT_EQ(decode_chunks(blob, "ab")->size(), 1u);
  EXPECT_EQ(encode_chunks({{base::Duration(1), "a"}}, 0), "");
}

TEST(ChunkTimes, DamageIsAnErrorAndNoMore) {
  const std::string blob = encode_chunks({{base::Duration(80'000'000), "abc"}}, 9);
  for (std::size_t size = 1; size < blob.size(); ++size)
    EXPECT_FALSE(decode_chunks(blob.substr(0, size), "abc")) << size;
  EXPECT_FALSE(decode_chunks(std::string(30, '\xFF'), ""));
  EXPECT_FALSE(decode_chunks(std::string(9, '\xFF') + "\x02\x01", "")) << "past 64 bits";
  EXPECT_TRUE(decode_chunks("", "")->empty());
}

}  // namespace
}  // namespace moestress::store
