#include "workload/answer_check.h"

#include <gtest/gtest.h>

#include <vector>

namespace moestress::workload {
namespace {

const std::vector<std::string> kTold{"Marta", "Leuven", "Tampere", "tozuvika"};

Answer check(std::string_view reply, const std::string& accepted, const std::string& stale = "") {
  return check_answer(reply, {accepted, stale, kTold});
}

TEST(NamesValue, ByWholeWordsOnly) {
  EXPECT_TRUE(names_value("Her name is **Marta**.", "Marta"));
  EXPECT_TRUE(names_value("marta", "Marta"));
  EXPECT_FALSE(names_value("Her name is Martaine.", "Marta"));
  EXPECT_FALSE(names_value("Samarta", "Marta"));
  EXPECT_TRUE(names_value("Martaine or Marta", "Marta"));
  EXPECT_TRUE(names_value("I live in New  York!", "New York"));
  EXPECT_FALSE(names_value("anything", ""));
}

TEST(Abstains, ByItsPhrases) {
  for (const char* text : {"I do not know.", "I DON'T know that", "You haven\xE2\x80\x99t told me her name.",
                           "You did not mention a dentist."})
    EXPECT_TRUE(abstains(text)) << text;
  for (const char* text : {"It is Marta.", "You know it.", "Everybody knows", ""})
    EXPECT_FALSE(abstains(text)) << text;
}

TEST(CheckAnswer, OfWhatWasTold) {
  EXPECT_EQ(check("Your sister's name is Marta.", "Marta"), Answer::Right);
  EXPECT_EQ(check("It is Leuven.", "Marta"), Answer::Other);
  EXPECT_EQ(check("Marta, who lives in Leuven.", "Marta"), Answer::Other);
  EXPECT_EQ(check("I was not told.", "Marta"), Answer::Abstained);
  EXPECT_EQ(check("It is Anna.", "Marta"), Answer::Missing);
  EXPECT_EQ(check("", "Marta"), Answer::Missing);
}

TEST(CheckAnswer, OfWhatWasToldAnew) {
  EXPECT_EQ(check("Leuven.", "Leuven", "Tampere"), Answer::Right);
  EXPECT_EQ(check("Tampere.", "Leuven", "Tampere"), Answer::Stale);
  EXPECT_EQ(check("It was Tampere and is now Leuven.", "Leuven", "Tampere"), Answer::Stale);
}

TEST(CheckAnswer, OfWhatWasNeverTold) {
  EXPECT_EQ(check("You have not told me.", ""), Answer::Right);
  EXPECT_EQ(check("Dr Smith.", ""), Answer::Missing);
  // Saying so and naming a value all the same is no abstention.
  EXPECT_EQ(check("I don't know, perhaps Marta.", ""), Answer::Other);
}

}  // namespace
}  // namespace moestress::workload
