#include "engine/stop_filter.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace moestress::engine {
namespace {

/// Feeds pieces; what came out, piece by piece, joined with "|", and "!" if it stopped.
std::string filtered(const std::vector<std::string>& stops, const std::vector<std::string>& pieces) {
  StopFilter filter(stops);
  std::string text;
  const auto add = [&](const std::vector<GeneratedToken>& tokens) {
    for (const GeneratedToken& token : tokens) text += token.piece + "|";
  };
  for (const std::string& piece : pieces) {
    GeneratedToken token;
    token.piece = piece;
    const StopFilter::Decided decided = filter.push(std::move(token));
    add(decided.tokens);
    if (decided.stopped) return text + "!";
  }
  add(filter.flush());
  return text;
}

TEST(StopFilter, WithoutStopStringsEverythingPassesAtOnce) {
  StopFilter filter({});
  GeneratedToken token;
  token.piece = "abc";
  EXPECT_EQ(filter.push(token).tokens.size(), 1U);
}

TEST(StopFilter, CutsWithinAToken) { EXPECT_EQ(filtered({"END"}, {"a", "bENDc", "d"}), "a|b|!"); }

TEST(StopFilter, CutsAcrossTokens) { EXPECT_EQ(filtered({"END"}, {"a", "xE", "N", "D!"}), "a|x|!"); }

TEST(StopFilter, ATokenThatIsTheStopStringIsGone) { EXPECT_EQ(filtered({"\n\n"}, {"a", "\n\n"}), "a|!"); }

TEST(StopFilter, TheFirstOfSeveralStopStringsCuts) { EXPECT_EQ(filtered({"cd", "b"}, {"abcd"}), "a|!"); }

TEST(StopFilter, HoldsBackOnlyWhatMayBeABeginning) {
  StopFilter filter({"END"});
  const auto count = [&](const std::string& piece) {
    GeneratedToken token;
    token.piece = piece;
    return filter.push(std::move(token)).tokens.size();
  };
  EXPECT_EQ(count("EN"), 0U);  // may become END
  EXPECT_EQ(count("EN"), 1U);  // the first EN did not, the second may
  EXPECT_EQ(count("x"), 2U);   // now both are decided
  EXPECT_EQ(count("E"), 0U);
  EXPECT_EQ(filter.flush().size(), 1U);
  EXPECT_TRUE(filter.flush().empty());
}

TEST(StopFilter, ABeginningThatDoesNotGoOnComesOutUnharmed) {
  EXPECT_EQ(filtered({"aab"}, {"a", "a", "a", "b"}), "a|!");
  EXPECT_EQ(filtered({"aab"}, {"a", "a", "c"}), "a|a|c|");
}

TEST(StopFilter, ControlTokensWithoutTextKeepTheirPlace) {
  EXPECT_EQ(filtered({"END"}, {"", "E", "", "x", ""}), "|E||x||");
}

TEST(StopFilter, MultibyteTextIsCutAtBytes) {
  EXPECT_EQ(filtered({"\xC3\xA9"}, {"caf\xC3", "\xA9!"}), "caf|!");
}

TEST(StopFilter, AgreesWithSearchingTheWholeText) {
  base::Random random(11);
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::string> stops;
    for (std::uint64_t i = 0; i < 1 + random.below(3); ++i) {
      std::string stop;
      for (std::uint64_t n = 0; n < 1 + random.below(4); ++n)
        stop += static_cast<char>('a' + random.below(2));
      stops.push_back(stop);
    }
    std::vector<std::string> pieces;
    std::string whole;
    for (std::uint64_t i = 0; i < random.below(12); ++i) {
      std::string piece;
      for (std::uint64_t n = 0; n < random.below(4); ++n) piece += static_cast<char>('a' + random.below(3));
      pieces.push_back(piece);
      whole += piece;
    }
    // Tokens come one by one: the stop string that is complete first decides, not the one that begins first.
    std::size_t shown = 0;
    std::string expected = whole;
    bool stopped = false;
    for (const std::string& piece : pieces) {
      shown += piece.size();
      std::size_t found = std::string::npos;
      for (const std::string& stop : stops) found = std::min(found, whole.substr(0, shown).find(stop));
      if (found != std::string::npos) {
        expected = whole.substr(0, found);
        stopped = true;
        break;
      }
    }
    std::string got = filtered(stops, pieces);
    EXPECT_EQ(got.ends_with('!'), stopped);
    std::erase(got, '|');
    std::erase(got, '!');
    EXPECT_EQ(got, expected);
  }
}

}  // namespace
}  // namespace moestress::engine
