#include "net/sse.h"

#include <gtest/gtest.h>

#include <vector>

namespace moestress::net {
namespace {

using Events = std::vector<std::vector<std::string>>;  ///< type, data, id

Events parse(const std::vector<std::string_view>& pieces, bool* boundary = nullptr) {
  SseParser parser;
  Events events;
  for (const auto piece : pieces) {
    EXPECT_TRUE(parser.feed(piece, [&](const SseEvent& e) { events.push_back({e.type, e.data, e.id}); }));
  }
  if (boundary) *boundary = parser.at_boundary();
  return events;
}

struct Example {
  const char* name;
  std::string stream;
  Events events;
  bool at_boundary;
};

const std::vector<Example>& examples() {
  static const std::vector<Example> kExamples = {
      {"one", "data: hi\n\n", {{"message", "hi", ""}}, true},
      {"only one space is stripped",
       "data:  two\n\ndata:none\n\n",
       {{"message", " two", ""}, {"message", "none", ""}},
       true},
      {"several data lines", "data: YHOO\ndata: +2\ndata: 10\n\n", {{"message", "YHOO\n+2\n10", ""}}, true},
      {"comment and ids",
       ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n",
       {{"message", "first event", "1"}, {"message", "second event", ""}},
       false},
      {"data lines without a value",
       "data\n\ndata\ndata\n\ndata:",
       {{"message", "", ""}, {"message", "\n", ""}},
       false},
      {"an id stays", "id: 7\ndata: a\n\ndata: b\n\n", {{"message", "a", "7"}, {"message", "b", "7"}}, true},
      {"an id with NUL is ignored",
       std::string("id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n", 31),
       {{"message", "a", "1"}, {"message", "b", "1"}},
       true},
      {"a type lasts for one event",
       "event: add\ndata: 1\n\ndata: 2\n\n",
       {{"add", "1", ""}, {"message", "2", ""}},
       true},
      {"a type without data is dropped", "event: add\n\ndata: 2\n\n", {{"message", "2", ""}}, true},
      {"an empty type is message", "event: add\nevent\ndata: 1\n\n", {{"message", "1", ""}}, true},
      {"CRLF", "data: a\r\ndata: b\r\n\r\n", {{"message", "a\nb", ""}}, true},
      {"CR", "data: a\rdata: b\r\r", {{"message", "a\nb", ""}}, true},
      {"mixed ends",
       "data: a\r\n\rdata: b\n\r\ndata: c\r\n\n",
       {{"message", "a", ""}, {"message", "b", ""}, {"message", "c", ""}},
       true},
      {"a BOM",
       "\xEF\xBB\xBF"
       "data: a\n\n",
       {{"message", "a", ""}},
       true},
      {"one BOM only",
       "\xEF\xBB\xBF\xEF\xBB\xBF"
       "data: a\n\ndata: b\n\n",
       {{"message", "b", ""}},
       true},
      {"half a BOM is a field",
       "\xEF\xBB"
       "data: a\n\n",
       {},
       true},
      {"a BOM further on",
       "\n\xEF\xBB\xBF"
       "data: a\n\n",
       {},
       true},
      {"unknown fields",
       "retry: 10\nfoo: bar\nDATA: x\ndata : x\n\ndata: y\n\n",
       {{"message", "y", ""}},
       true},
      {"colons in the value", "data:a:b: c\n\n", {{"message", "a:b: c", ""}}, true},
      {"UTF-8",
       "data: h\xC3\xA9llo \xF0\x9F\x99\x82\n\n",
       {{"message", "h\xC3\xA9llo \xF0\x9F\x99\x82", ""}},
       true},
      {"comments as pings", ":\n\n: ping\n\n:\r\r", {}, true},
      {"nothing", "", {}, true},
      {"half a line", "data: a\n\ndat", {{"message", "a", ""}}, false},
      {"half an event", "data: a\n", {}, false},
      {"half an event after CR", "data: a\r", {}, false},
      {"half a BOM", "\xEF\xBB", {}, false},
      {"OpenAI",
       "data: {\"choices\":[{\"delta\":{\"content\":\"a\\n\"}}]}\n\ndata: [DONE]\n\n",
       {{"message", "{\"choices\":[{\"delta\":{\"content\":\"a\\n\"}}]}", ""}, {"message", "[DONE]", ""}},
       true},
  };
  return kExamples;
}

TEST(SseParser, GivesTheEventsOfTheStandard) {
  for (const Example& example : examples()) {
    bool boundary = false;
    EXPECT_EQ(parse({example.stream}, &boundary), example.events) << example.name;
    EXPECT_EQ(boundary, example.at_boundary) << example.name;
  }
}

TEST(SseParser, EverySplitGivesTheSame) {
  for (const Example& example : examples()) {
    const std::string_view stream = example.stream;
    for (std::size_t i = 0; i <= stream.size(); ++i) {
      for (std::size_t j = i; j <= stream.size(); ++j) {
        bool boundary = false;
        ASSERT_EQ(parse({stream.substr(0, i), stream.substr(i, j - i), stream.substr(j)}, &boundary),
                  example.events)
            << example.name << " at " << i << " and " << j;
        ASSERT_EQ(boundary, example.at_boundary) << example.name << " at " << i << " and " << j;
      }
    }
    std::vector<std::string_view> bytes;
    for (std::size_t i = 0; i < stream.size(); ++i) bytes.push_back(stream.substr(i, 1));
    EXPECT_EQ(parse(bytes), example.events) << example.name << " byte by byte";
  }
}

// Every stream of up to seven symbols that matter to the parser, whole and byte by byte.
TEST(SseParser, EveryShortStreamIsTheSameByteByByte) {
  const std::vector<std::string> symbols = {"\r", "\n", ":", "data", " ", "x"};
  std::size_t dispatched = 0;
  std::size_t streams = 1;
  for (int length = 1; length <= 7; ++length) {
    streams *= symbols.size();
    for (std::size_t number = 0; number < streams; ++number) {
      std::string stream;
      for (std::size_t rest = number, i = 0; i < static_cast<std::size_t>(length);
           ++i, rest /= symbols.size()) {
        stream += symbols[rest % symbols.size()];
      }
      SseParser whole;
      SseParser bytewise;
      std::string a;
      std::string b;
      whole.feed(stream, [&](const SseEvent& e) { a += e.data + '\0'; });
      for (const char& byte : stream)
        bytewise.feed({&byte, 1}, [&](const SseEvent& e) { b += e.data + '\0'; });
      ASSERT_EQ(a, b) << testing::PrintToString(stream);
      ASSERT_EQ(whole.at_boundary(), bytewise.at_boundary()) << testing::PrintToString(stream);
      dispatched += !a.empty();
    }
  }
  EXPECT_GT(dispatched, 1000u);
}

TEST(SseParser, StopsAtItsCap) {
  const auto count = [](SseParser& parser, std::string_view bytes) {
    int events = 0;
    const bool fits = parser.feed(bytes, [&](const SseEvent&) { ++events; });
    return fits ? events : -1 - events;
  };
  SseParser line(20);
  EXPECT_EQ(count(line, "data: 456789abcdefg\n\n"), 1) << "a line of 19 bytes fits";
  EXPECT_EQ(count(line, "data: a\n\n: 3456789abcdefghijklm\n"), -2)
      << "the event before the long line is given";
  EXPECT_EQ(count(line, "data: a\n\n"), -1) << "nothing after an overflow";
  EXPECT_FALSE(line.at_boundary());

  SseParser unfinished(20);
  EXPECT_EQ(count(unfinished, "data: 456789"), 0);
  EXPECT_EQ(count(unfinished, "abcdefghi"), -1) << "an endless line is not kept";

  SseParser event(20);
  EXPECT_EQ(count(event, "data: 456789\ndata: 456789\n"), 0);
  EXPECT_EQ(count(event, "data: 456789abc\n"), -1) << "nor an endless event";
}

}  // namespace
}  // namespace moestress::net
