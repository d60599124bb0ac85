#include "workload/requests.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "base/text.h"

namespace moestress::workload {
namespace {

/// Everything of requests that a server could see, as one text.
std::string bytes_of(const std::vector<record::Request>& requests) {
  std::ostringstream out;
  for (const auto& r : requests) {
    out << r.id.value << '|' << r.session.value << '|' << static_cast<int>(r.endpoint) << '|' << r.label
        << '|' << r.prompt << '|' << r.max_tokens << '|' << r.ignore_eos << '|' << r.stream << '|'
        << r.sampling.temperature << '|' << r.sampling.seed << '\n';
    for (const auto& message : r.messages) out << message.role << ':' << message.content << '\n';
  }
  return out.str();
}

std::string made_with(std::uint64_t seed) {
  RequestIds ids;
  const RequestShape shape;
  std::string all = bytes_of(make_requests(prompts(Domain::Code), 30, ids, base::SessionId{0}, shape, seed));
  all += bytes_of(mixed_requests(40, ids, base::SessionId{1}, shape, seed));
  for (int session = 0; session < 5; ++session)
    all += bytes_of(session_requests(session, 6, ids, shape, seed));
  return all + filler_text(500, seed);
}

TEST(Requests, TheSameSeedGivesTheSameBytes) {
  EXPECT_EQ(made_with(42), made_with(42));
  EXPECT_NE(made_with(42), made_with(43));
}

TEST(Requests, TheSequenceIsPartOfTheProduct) {
  std::vector<Prompt> set;
  for (const char* text : {"a", "b", "c", "d", "e", "f"}) set.push_back({text, Domain::Math, text});
  RequestIds ids;
  std::string order;
  for (const auto& request : make_requests(set, 12, ids, base::SessionId{0}, {}, 1))
    order += request.messages[0].content;
  EXPECT_EQ(order, "eafbcdbcdfea");
}

TEST(Requests, ChatHasAMessageAndTheOthersThePrompt) {
  const Prompt& prompt = prompts(Domain::Science)[0];
  RequestShape shape;
  shape.max_tokens = 50;
  shape.ignore_eos = true;
  const record::Request chat = make_request(prompt, base::RequestId{7}, base::SessionId{2}, shape);
  EXPECT_EQ(chat.messages.size(), 1u);
  EXPECT_EQ(chat.messages[0].role, "user");
  EXPECT_EQ(chat.messages[0].content, prompt.text);
  EXPECT_EQ(chat.prompt, "");
  EXPECT_EQ(chat.label, "science");
  EXPECT_EQ(chat.max_tokens, 50);
  EXPECT_TRUE(chat.ignore_eos);
  EXPECT_EQ(chat.id.value, 7);
  EXPECT_EQ(chat.session.value, 2);
  shape.endpoint = record::Endpoint::ShimmyWebSocket;
  const record::Request raw = make_request(prompt, base::RequestId{8}, base::SessionId{2}, shape);
  EXPECT_TRUE(raw.messages.empty());
  EXPECT_EQ(raw.prompt, prompt.text);
}

TEST(Requests, EveryPromptOfASetComesBeforeAnyComesAgain) {
  RequestIds ids;
  const auto set = prompts(Domain::Creative);
  const auto requests = make_requests(set, 2 * set.size(), ids, base::SessionId{0}, {}, 9);
  std::set<std::string> first, second;
  std::set<std::int64_t> numbers;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    (i < set.size() ? first : second).insert(requests[i].messages[0].content);
    numbers.insert(requests[i].id.value);
  }
  EXPECT_EQ(first.size(), set.size());
  EXPECT_EQ(second, first);
  EXPECT_EQ(numbers.size(), requests.size());
}

TEST(Requests, MixedOnesAreShortAndLongInTurnOverAllDomains) {
  RequestIds ids;
  RequestShape shape;
  shape.max_tokens = 100;
  const auto requests = mixed_requests(120, ids, base::SessionId{0}, shape, 5);
  std::set<std::string> labels;
  std::size_t short_bytes = 0, long_bytes = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    labels.insert(requests[i].label);
    EXPECT_EQ(requests[i].max_tokens, i % 2 == 0 ? 25 : 100);
    (i % 2 == 0 ? short_bytes : long_bytes) += requests[i].messages[0].content.size();
  }
  EXPECT_EQ(labels.size(), kDomains.size());
  EXPECT_GT(long_bytes, 5 * short_bytes);
  shape.max_tokens = 12;
  EXPECT_EQ(mixed_requests(1, ids, base::SessionId{0}, shape, 5)[0].max_tokens, 8);
}

TEST(Requests, ABoundLeavesLongPromptsOutAndEveryDomainSome) {
  RequestIds ids;
  RequestShape shape;
  shape.prompt_characters_max = kShortPromptCharacters;
  auto requests = mixed_requests(120, ids, base::SessionId{0}, shape, 5);
  for (int session = 0; session < 8; ++session)
    for (auto& request : session_requests(session, 4, ids, shape, 3)) requests.push_back(std::move(request));
  std::set<std::string> labels;
  for (const auto& request : requests) {
    EXPECT_LE(request.messages[0].content.size(), 80u);
    labels.insert(request.label);
  }
  EXPECT_EQ(labels.size(), kDomains.size());
}

TEST(Requests, ParallelSessionsHaveAClassEachAndStartDifferently) {
  RequestIds ids;
  std::set<std::string> labels, texts;
  for (int session = 0; session < 8; ++session) {
    const auto requests = session_requests(session, 4, ids, {}, 3);
    ASSERT_EQ(requests.size(), 4u);
    for (const auto& request : requests) {
      EXPECT_EQ(request.session.value, session);
      EXPECT_EQ(request.label, to_string(session_domain(session)));
      texts.insert(request.messages[0].content);
    }
    labels.insert(requests[0].label);
  }
  EXPECT_EQ(labels.size(), 8u);
  EXPECT_EQ(texts.size(), 32u);
  EXPECT_EQ(session_domain(8), session_domain(0));
}

TEST(Requests, ALevelMoreDoesNotChangeTheSessionsThatWereThere) {
  RequestIds a, b;
  const auto alone = session_requests(2, 3, a, {}, 3);
  const auto longer = session_requests(2, 5, b, {}, 3);
  for (std::size_t i = 0; i < alone.size(); ++i)
    EXPECT_EQ(alone[i].messages[0].content, longer[i].messages[0].content);
}

TEST(FillerText, HasAsManyWordsAndMarksAsTokensAskedFor) {
  for (const int tokens : {1, 10, 100, 5000}) {
    const std::string text = filler_text(tokens, 1);
    int words = 0;
    std::istringstream stream(text);
    for (std::string word; stream >> word;) ++words;
    const auto marks = std::count_if(text.begin(), text.end(), [](char c) { return c == ',' || c == '.'; });
    EXPECT_NEAR(words + marks, tokens, 1 + tokens / 40) << tokens;
    EXPECT_TRUE(base::is_valid_utf8(text));
  }
  EXPECT_EQ(filler_text(0, 1), "");
}

TEST(FillerText, ALongerOneBeginsWithAShorterOne) {
  const std::string text = filler_text(2000, 8);
  for (const int tokens : {1, 7, 99, 500, 1999})
    EXPECT_TRUE(text.starts_with(filler_text(tokens, 8))) << tokens;
  EXPECT_NE(filler_text(100, 8), filler_text(100, 9));
}

TEST(FillerText, DoesNotRepeatItself) {
  const std::string text = filler_text(20'000, 8);
  std::istringstream stream(text);
  std::set<std::string> sentences;
  std::size_t count = 0;
  for (std::string sentence; std::getline(stream, sentence, '.'); ++count) sentences.insert(sentence);
  EXPECT_GT(sentences.size(), count * 99 / 100);
}

TEST(Requests, AreDrawnFromTheLibraryOfTheirShape) {
  PromptLibrary library;
  ASSERT_TRUE(library.replace(Domain::Code, "== w\none\n== x\ntwo\n== y\nthree\n== z\nfour", "f", 0));
  RequestIds ids;
  RequestShape shape;
  shape.library = &library;
  for (const auto& request : session_requests(0, 4, ids, shape, 1))
    EXPECT_LE(request.messages[0].content.size(), 5u);
}

}  // namespace
}  // namespace moestress::workload
