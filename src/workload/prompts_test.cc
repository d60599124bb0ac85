#include "workload/prompts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "base/text.h"

namespace moestress::workload {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

int words(const std::string& text) {
  std::istringstream stream(text);
  int count = 0;
  for (std::string word; stream >> word;) ++count;
  return count;
}

TEST(Prompts, EverySetIsLargeAndDiverse) {
  std::set<std::string> ids, texts;
  for (const Domain domain : kDomains) {
    const auto set = prompts(domain);
    EXPECT_GE(set.size(), 24u) << to_string(domain);
    int few = 0, many = 0;
    for (const Prompt& prompt : set) {
      EXPECT_TRUE(ids.insert(prompt.id).second) << prompt.id;
      EXPECT_TRUE(texts.insert(prompt.text).second) << prompt.id;
      EXPECT_EQ(prompt.domain, domain);
      EXPECT_THAT(prompt.id, StartsWith(std::string(to_string(domain)) + "-"));
      EXPECT_TRUE(base::is_valid_utf8(prompt.text));
      EXPECT_GE(words(prompt.text), 3) << prompt.id;
      EXPECT_LE(words(prompt.text), 400) << prompt.id;
      few += words(prompt.text) <= 20 ? 1 : 0;
      many += words(prompt.text) >= 90 ? 1 : 0;
    }
    EXPECT_GE(few, 6) << to_string(domain);
    EXPECT_GE(many, 3) << to_string(domain);
  }
}

TEST(Prompts, TheFirstFewOfASetAreAMixOfLengths) {
  for (const Domain domain : kDomains) {
    const auto first = prompts(domain).subspan(0, 6);
    const auto [low, high] =
        std::minmax_element(first.begin(), first.end(),
                            [](const Prompt& a, const Prompt& b) { return a.text.size() < b.text.size(); });
    EXPECT_GT(high->text.size(), 8 * low->text.size()) << to_string(domain);
  }
}

TEST(Prompts, TheShortestAreOfEveryDomainInTurn) {
  const auto few = built_in_library().shortest(kDomains.size() + 1);
  ASSERT_EQ(few.size(), kDomains.size() + 1);
  for (std::size_t i = 0; i < kDomains.size(); ++i) {
    EXPECT_EQ(few[i].domain, kDomains[i]);
    for (const Prompt& prompt : prompts(kDomains[i])) EXPECT_LE(few[i].text.size(), prompt.text.size());
  }
  EXPECT_EQ(few.back().domain, kDomains[0]);
  EXPECT_NE(few.back().id, few.front().id);
  std::size_t all = 0;
  for (const Domain domain : kDomains) all += prompts(domain).size();
  EXPECT_EQ(built_in_library().shortest(100'000).size(), all);
}

TEST(Prompts, EverySetHasPromptsWithinTheLeastBound) {
  for (const Domain domain : kDomains) {
    std::set<std::size_t> lengths;
    std::size_t within = 0;
    for (const Prompt& prompt : prompts(domain)) {
      lengths.insert(prompt.text.size());
      within += prompt.text.size() <= 80 ? 1 : 0;
    }
    EXPECT_GE(lengths.size(), 20u) << to_string(domain);
    EXPECT_GE(within, kSetPromptsMin) << to_string(domain);
  }
}

TEST(PromptLibrary, TakesASetInPlaceOfTheBuiltIn) {
  PromptLibrary library;
  const std::string mine = "== mine-1\na\n== mine-2\nbb\n== mine-3\nccc\n== mine-4\ndddd\n";
  ASSERT_TRUE(library.replace(Domain::Code, mine, "f", 0));
  ASSERT_EQ(library.of(Domain::Code).size(), 4u);
  EXPECT_EQ(library.of(Domain::Code)[1].text, "bb");
  EXPECT_EQ(library.of(Domain::Code)[1].domain, Domain::Code);
  EXPECT_EQ(library.of(Domain::Math).size(), prompts(Domain::Math).size());
  EXPECT_EQ(library.shortest(1)[0].id, "mine-1");
  EXPECT_NE(prompts(Domain::Code)[0].id, "mine-1") << "the built-in library stays as it is";
}

TEST(PromptLibrary, RefusesASetThatCannotServe) {
  PromptLibrary library;
  const auto error = [&](std::string_view text, int characters_max) {
    const auto status = library.replace(Domain::Code, text, "f", characters_max);
    return status ? std::string() : status.error().message;
  };
  EXPECT_THAT(error("== a\nx\n== b\ny\n== c\nz", 0),
              HasSubstr("f: a set needs at least 4 prompts, this one has 3"));
  EXPECT_THAT(error("== a\nx\n== b\ny\n== c\nz\n== d\nlong one", 5), HasSubstr("of at most 5 bytes"));
  EXPECT_THAT(error("== a\nx\n== b\ny\n== c\nz\n== math-01\nw", 0),
              HasSubstr("\"math-01\" is taken by the math"));
  EXPECT_THAT(error("hello", 0), StartsWith("f:1: text before the first"));
  EXPECT_EQ(library.of(Domain::Code).size(), prompts(Domain::Code).size());
}

TEST(Prompts, DomainsHaveNames) {
  for (const Domain domain : kDomains) EXPECT_EQ(domain_from(to_string(domain)), domain);
  EXPECT_FALSE(domain_from("cooking"));
}

TEST(ParsePrompts, KeepsLinesAndTrimsTheEnds) {
  const auto parsed =
      parse_prompts("# a comment\n\n== a-1\n\n  one\n two\n\n# three\n\n== a-2\nx", Domain::Math, "f");
  ASSERT_TRUE(parsed) << parsed.error().message;
  ASSERT_EQ(parsed->size(), 2u);
  EXPECT_EQ((*parsed)[0].id, "a-1");
  EXPECT_EQ((*parsed)[0].text, "one\n two\n\n# three") << "# is a comment before the first prompt only";
  EXPECT_EQ((*parsed)[1].text, "x");
  EXPECT_EQ((*parsed)[1].domain, Domain::Math);
  EXPECT_TRUE(parse_prompts("", Domain::Math, "f")->empty());
}

TEST(ParsePrompts, ErrorsNameTheLine) {
  const auto error = [](std::string_view text) {
    return parse_prompts(text, Domain::Code, "f").error().message;
  };
  EXPECT_THAT(error("hello"), StartsWith("f:1: text before the first"));
  EXPECT_THAT(error("\n== a\n\n== b\nx"), StartsWith("f:2: prompt \"a\" has no text"));
  EXPECT_THAT(error("== a\nx\n== a\ny"), StartsWith("f:3: the id \"a\" is there twice"));
  EXPECT_THAT(error("== a b\nx"), StartsWith("f:1: \"a b\" is no id"));
  EXPECT_THAT(error("== \nx"), StartsWith("f:1: \"\" is no id"));
  EXPECT_THAT(error("== a\n\xFF"), HasSubstr("not UTF-8"));
  EXPECT_THAT(error("== a\n" + std::string(40'000, 'x')), HasSubstr("over 32768"));
  EXPECT_THAT(error(std::string(2u << 20, '#')), HasSubstr("over 1048576"));
}

}  // namespace
}  // namespace moestress::workload
