#include "server/openai_response.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

namespace moestress::server {
namespace {

using nlohmann::json;

ReplyIdentity identity(record::Endpoint endpoint) {
  return {
      .endpoint = endpoint, .id = "id-1", .created = 1700000000, .model = "m", .system_fingerprint = "fp"};
}

ReplyEnd an_end() {
  return {.finish_reason = "length",
          .prompt_tokens = 10,
          .completion_tokens = 4,
          .prompt_time = std::chrono::milliseconds(20),
          .decode_time = std::chrono::milliseconds(8)};
}

TEST(OpenAiResponse, ChatWhole) {
  const json body = json::parse(full_response(identity(record::Endpoint::Chat), "hé", {}, an_end()));
  EXPECT_EQ(body["object"], "chat.completion");
  EXPECT_EQ(body["created"], 1700000000);
  EXPECT_EQ(body["choices"][0]["message"]["role"], "assistant");
  EXPECT_EQ(body["choices"][0]["message"]["content"], "hé");
  EXPECT_EQ(body["choices"][0]["finish_reason"], "length");
  EXPECT_EQ(body["choices"][0]["logprobs"], nullptr);
  EXPECT_EQ(body["usage"], json::parse(R"({"prompt_tokens":10,"completion_tokens":4,"total_tokens":14})"));
  EXPECT_EQ(body["timings"]["prompt_n"], 10);
  EXPECT_DOUBLE_EQ(body["timings"]["prompt_ms"], 20);
  EXPECT_DOUBLE_EQ(body["timings"]["prompt_per_second"], 500);
  EXPECT_DOUBLE_EQ(body["timings"]["predicted_per_token_ms"], 2);
}

TEST(OpenAiResponse, TimingsOfNothingAreNoDivisionByZero) {
  const json body = json::parse(full_response(identity(record::Endpoint::Chat), "", {}, ReplyEnd{}));
  EXPECT_EQ(body["timings"]["predicted_per_second"], 0);
}

TEST(OpenAiResponse, CompletionWhole) {
  const json body = json::parse(full_response(identity(record::Endpoint::Completion), "t", {}, an_end()));
  EXPECT_EQ(body["object"], "text_completion");
  EXPECT_EQ(body["choices"][0]["text"], "t");
}

TEST(OpenAiResponse, ChatLogprobs) {
  auto who = identity(record::Endpoint::Chat);
  who.logprobs = true;
  const std::vector<TokenLogprob> tokens = {
      {.text = "a", .logprob = -0.5F, .top = {{"a", -0.5F}, {"\xE2", -2.0F}}},
      {.text = "<eos>", .control = true, .logprob = -std::numeric_limits<float>::infinity()}};
  const json logprobs = json::parse(full_response(who, "a", tokens, an_end()))["choices"][0]["logprobs"];
  ASSERT_EQ(logprobs["content"].size(), 2U);
  const json& first = logprobs["content"][0];
  EXPECT_EQ(first["token"], "a");
  EXPECT_EQ(first["bytes"], json::array({97}));
  EXPECT_DOUBLE_EQ(first["logprob"], -0.5);
  EXPECT_EQ(first["top_logprobs"][1]["token"], "\\xe2");
  EXPECT_EQ(first["top_logprobs"][1]["bytes"], json::array({0xE2}));
  EXPECT_EQ(logprobs["content"][1]["bytes"], nullptr);
  EXPECT_DOUBLE_EQ(logprobs["content"][1]["logprob"], -9999);
}

TEST(OpenAiResponse, CompletionLogprobsCountCharacters) {
  auto who = identity(record::Endpoint::Completion);
  who.logprobs = true;
  const ReplyPiece piece{.text = "éab",
                         .logprobs = {{.text = "\xC3", .logprob = -1},
                                      {.text = "\xA9", .logprob = -1},
                                      {.text = "ab", .logprob = -2, .top = {{"ab", -2.0F}}}}};
  const json logprobs = json::parse(text_chunk(who, piece, 7))["choices"][0]["logprobs"];
  EXPECT_EQ(logprobs["tokens"], json::parse(R"(["bytes:\\xc3","bytes:\\xa9","ab"])"));
  EXPECT_EQ(logprobs["text_offset"], json::parse("[7,8,8]"));
  EXPECT_EQ(logprobs["token_logprobs"].size(), 3U);
  EXPECT_DOUBLE_EQ(logprobs["top_logprobs"][2]["ab"], -2);
}

TEST(OpenAiResponse, Chunks) {
  const auto who = identity(record::Endpoint::Chat);
  const json role = json::parse(role_chunk(who));
  EXPECT_EQ(role["object"], "chat.completion.chunk");
  EXPECT_EQ(role["choices"][0]["delta"], json::parse(R"({"role":"assistant","content":""})"));
  EXPECT_FALSE(role.contains("usage"));
  const json text = json::parse(text_chunk(who, {.text = "a\nb", .logprobs = {}}, 0));
  EXPECT_EQ(text["choices"][0]["delta"], json::parse(R"({"content":"a\nb"})"));
  EXPECT_EQ(text["choices"][0]["finish_reason"], nullptr);
  const json end = json::parse(end_chunk(who, an_end()));
  EXPECT_EQ(end["choices"][0]["delta"], json::object());
  EXPECT_EQ(end["choices"][0]["finish_reason"], "length");
  EXPECT_EQ(end["timings"]["predicted_n"], 4);
}

TEST(OpenAiResponse, UsageComesOnceAndLast) {
  auto who = identity(record::Endpoint::Completion);
  who.include_usage = true;
  EXPECT_TRUE(json::parse(text_chunk(who, {.text = "a", .logprobs = {}}, 0)).at("usage").is_null());
  const json end = json::parse(end_chunk(who, an_end()));
  EXPECT_TRUE(end.at("usage").is_null());
  EXPECT_FALSE(end.contains("timings"));
  const json last = json::parse(usage_chunk(who, an_end()));
  EXPECT_EQ(last["choices"], json::array());
  EXPECT_EQ(last["usage"]["total_tokens"], 14);
  EXPECT_EQ(last["timings"]["prompt_n"], 10);
}

TEST(SseEvent, SplitsLinesOverDataFields) {
  EXPECT_EQ(sse_event("x"), "data: x\n\n");
  EXPECT_EQ(sse_event(" a"), "data:  a\n\n");
  EXPECT_EQ(sse_event("a\nb"), "data: a\ndata: b\n\n");
  EXPECT_EQ(sse_event("\n"), "data: \ndata: \n\n");
  EXPECT_EQ(sse_event("a\r\nb\rc"), "data: a\ndata: b\ndata: c\n\n");
}

}  // namespace
}  // namespace moestress::server
