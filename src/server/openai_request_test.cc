#include "server/openai_request.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "server/json_text.h"

namespace moestress::server {
namespace {

using nlohmann::json;

json chat_body() { return json::parse(R"({"model":"m","messages":[{"role":"user","content":"hi"}]})"); }

ApiError chat_error(const json& changes) {
  json body = chat_body();
  body.update(changes);
  auto request = parse_chat_request(body);
  EXPECT_FALSE(request.has_value()) << changes;
  return request ? ApiError{} : request.error();
}

TEST(ChatRequest, TakesOpenAisDefaults) {
  const auto request = parse_chat_request(chat_body());
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->model, "m");
  ASSERT_EQ(request->prompt.messages.size(), 1U);
  EXPECT_EQ(request->prompt.messages[0].content, "hi");
  EXPECT_FALSE(request->stream);
  EXPECT_FALSE(request->max_tokens.has_value());
  EXPECT_FALSE(request->seed.has_value());
  EXPECT_EQ(request->generation.sampling.temperature, 1);
  EXPECT_EQ(request->generation.top_logprobs, -1);
}

TEST(ChatRequest, ReadsEveryParameter) {
  json body = chat_body();
  body.update(
      json::parse(R"({"stream":true,"stream_options":{"include_usage":true},"seed":7,"temperature":0.5,
      "top_p":0.25,"top_k":3,"stop":["a","bc"],"max_tokens":5,"max_completion_tokens":9,"logprobs":true,
      "top_logprobs":4,"ignore_eos":true,"n":1,"presence_penalty":0,"logit_bias":{},"tools":[],
      "response_format":{"type":"text"},"user":"someone","unheard_of":[1]})"));
  const auto request = parse_chat_request(body);
  ASSERT_TRUE(request.has_value()) << request.error().message;
  EXPECT_TRUE(request->stream);
  EXPECT_TRUE(request->include_usage);
  EXPECT_EQ(request->seed, 7U);
  EXPECT_EQ(request->generation.sampling.temperature, 0.5);
  EXPECT_EQ(request->generation.sampling.top_p, 0.25);
  EXPECT_EQ(request->generation.sampling.top_k, 3);
  EXPECT_EQ(request->generation.stop, (std::vector<std::string>{"a", "bc"}));
  EXPECT_EQ(request->max_tokens, 9) << "max_completion_tokens is the newer name and wins";
  EXPECT_EQ(request->generation.top_logprobs, 4);
  EXPECT_TRUE(request->generation.ignore_eos);
}

TEST(ChatRequest, JoinsTextPartsAndRenamesDeveloper) {
  const auto request = parse_chat_request(json::parse(
      R"({"messages":[{"role":"developer","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
                      {"role":"assistant","content":null}]})"));
  ASSERT_TRUE(request.has_value()) << request.error().message;
  EXPECT_EQ(request->prompt.messages[0].role, "system");
  EXPECT_EQ(request->prompt.messages[0].content, "ab");
  EXPECT_EQ(request->prompt.messages[1].content, "");
}

TEST(ChatRequest, NamesTheParameterAtFault) {
  const struct {
    const char* changes;
    const char* param;
  } cases[] = {
      {R"({"messages":"hi"})", "messages"},
      {R"({"messages":[]})", "messages"},
      {R"({"messages":null})", "messages"},
      {R"({"messages":[5]})", "messages[0]"},
      {R"({"messages":[{"content":"x"}]})", "messages[0].role"},
      {R"({"messages":[{"role":"tool","content":"x"}]})", "messages[0].role"},
      {R"({"messages":[{"role":"user"}]})", "messages[0].content"},
      {R"({"messages":[{"role":"user","content":7}]})", "messages[0].content"},
      {R"({"messages":[{"role":"user","content":[{"type":"image_url"}]}]})", "messages[0].content[0]"},
      {R"({"messages":[{"role":"user","content":[{"type":"text"}]}]})", "messages[0].content[0].text"},
      {R"({"temperature":"hot"})", "temperature"},
      {R"({"temperature":2.5})", "temperature"},
      {R"({"temperature":-0.1})", "temperature"},
      {R"({"top_p":1.5})", "top_p"},
      {R"({"max_tokens":0})", "max_tokens"},
      {R"({"max_tokens":1.5})", "max_tokens"},
      {R"({"max_tokens":99999999999})", "max_tokens"},
      {R"({"max_tokens":18446744073709551615})", "max_tokens"},
      {R"({"stream":"yes"})", "stream"},
      {R"({"stream_options":{}})", "stream_options"},
      {R"({"stream":true,"stream_options":5})", "stream_options"},
      {R"({"stream":true,"stream_options":{"include_usage":1}})", "stream_options.include_usage"},
      {R"({"stop":5})", "stop"},
      {R"({"stop":["a",5]})", "stop"},
      {R"({"stop":""})", "stop"},
      {R"({"n":2})", "n"},
      {R"({"logprobs":3})", "logprobs"},
      {R"({"top_logprobs":2})", "top_logprobs"},
      {R"({"logprobs":true,"top_logprobs":21})", "top_logprobs"},
      {R"({"tools":[{"type":"function"}]})", "tools"},
      {R"({"presence_penalty":0.5})", "presence_penalty"},
      {R"({"response_format":{"type":"json_object"}})", "response_format"},
      {R"({"model":7})", "model"},
      {R"({"seed":1.5})", "seed"},
  };
  for (const auto& one : cases) {
    const ApiError error = chat_error(json::parse(one.changes));
    EXPECT_EQ(error.status, 400) << one.changes;
    EXPECT_EQ(error.param, one.param) << one.changes << ": " << error.message;
    EXPECT_NE(error.message.find(std::string("'") + one.param), std::string::npos) << error.message;
  }
}

TEST(ChatRequest, RefusesABodyThatIsNoObject) {
  for (const char* body : {"[]", "5", "null", "\"x\""}) {
    const auto request = parse_chat_request(json::parse(body));
    ASSERT_FALSE(request.has_value()) << body;
    EXPECT_EQ(request.error().status, 400);
  }
}

TEST(ChatRequest, DrawsASeedWhereNoneOrMinusOneIsGiven) {
  json body = chat_body();
  body["seed"] = -1;
  EXPECT_FALSE(parse_chat_request(body)->seed.has_value());
  body["seed"] = -2;
  EXPECT_EQ(parse_chat_request(body)->seed, static_cast<std::uint64_t>(-2));
}

TEST(CompletionRequest, TakesAStringOrTokens) {
  const auto text = parse_completion_request(json::parse(R"({"prompt":"abc"})"));
  ASSERT_TRUE(text.has_value());
  EXPECT_EQ(text->prompt.kind, PromptSource::Kind::Text);
  EXPECT_EQ(text->prompt.text, "abc");
  EXPECT_EQ(text->max_tokens, 16) << "OpenAI's default";
  const auto tokens = parse_completion_request(json::parse(R"({"prompt":[1,2,3],"logprobs":2})"));
  ASSERT_TRUE(tokens.has_value());
  EXPECT_EQ(tokens->prompt.kind, PromptSource::Kind::Tokens);
  EXPECT_EQ(tokens->prompt.tokens, (std::vector<engine::Token>{1, 2, 3}));
  EXPECT_EQ(tokens->generation.top_logprobs, 2);
  EXPECT_EQ(parse_completion_request(json::parse(R"({"prompt":["abc"]})"))->prompt.text, "abc");
  EXPECT_EQ(parse_completion_request(json::parse(R"({"prompt":[[5]]})"))->prompt.tokens.size(), 1U);
}

TEST(CompletionRequest, RefusesSeveralPromptsAndNonsense) {
  for (const char* body : {R"({})", R"({"prompt":["a","b"]})", R"({"prompt":[]})", R"({"prompt":[1,"a"]})",
                           R"({"prompt":[-1]})", R"({"prompt":[4294967296]})", R"({"prompt":{"a":1}})",
                           R"({"prompt":"a","echo":true})", R"({"prompt":"a","suffix":"b"})",
                           R"({"prompt":"a","best_of":3})", R"({"prompt":"a","logprobs":true})"}) {
    const auto request = parse_completion_request(json::parse(body));
    ASSERT_FALSE(request.has_value()) << body;
    EXPECT_EQ(request.error().status, 400) << body;
    EXPECT_FALSE(request.error().param.empty()) << body;
  }
  EXPECT_TRUE(
      parse_completion_request(json::parse(R"({"prompt":"a","echo":false,"suffix":""})")).has_value());
}

TEST(ShimmyRequest, StreamsUnlessToldOtherwise) {
  const auto request = parse_shimmy_request(json::parse(R"({"model":"m","prompt":"p"})"));
  ASSERT_TRUE(request.has_value());
  EXPECT_TRUE(request->stream);
  EXPECT_EQ(request->max_tokens, 256);
  EXPECT_EQ(request->prompt.text, "p");
  EXPECT_EQ(request->generation.sampling.top_k, 40);
  EXPECT_FALSE(parse_shimmy_request(json::parse(R"({"prompt":"p","stream":false})"))->stream);
}

TEST(ShimmyRequest, PutsSystemBeforeTheMessages) {
  const auto request = parse_shimmy_request(
      json::parse(R"({"system":"s","messages":[{"role":"user","content":"u"}],"temperature":0})"));
  ASSERT_TRUE(request.has_value());
  ASSERT_EQ(request->prompt.messages.size(), 2U);
  EXPECT_EQ(request->prompt.messages[0].content, "s");
  EXPECT_EQ(request->generation.sampling.temperature, 0);
  EXPECT_FALSE(parse_shimmy_request(json::parse(R"({"model":"m"})")).has_value());
}

TEST(JsonText, RefusesDeepNestingBeforeBuildingIt) {
  const std::string deep(1'000'000, '[');
  const auto parsed = parse_json(deep);
  ASSERT_FALSE(parsed.has_value());
  EXPECT_NE(parsed.error().message.find("1000000 levels"), std::string::npos) << parsed.error().message;
  EXPECT_FALSE(parse_json(std::string(65, '[') + std::string(65, ']')).has_value());
  EXPECT_TRUE(parse_json(std::string(64, '[') + std::string(64, ']')).has_value());
  EXPECT_TRUE(parse_json("\"" + std::string(1000, '[') + "\\\"[\"").has_value()) << "brackets in a string";
}

TEST(JsonText, NeverQuotesTheBody) {
  const auto parsed = parse_json(R"({"messages": secret})");
  ASSERT_FALSE(parsed.has_value());
  EXPECT_EQ(parsed.error().message.find("secret"), std::string::npos);
  for (const char* broken : {"", "{", "{\"a\":\"\xff\"}", "{} x", "nul", "1e999"}) {
    EXPECT_FALSE(parse_json(broken).has_value()) << broken;
  }
}

TEST(JsonText, WritesValidJsonForAnyBytes) {
  const std::string text = to_text({{"a", "\xff\xfe"}, {"b", "é"}});
  EXPECT_EQ(text, "{\"a\":\"\xEF\xBF\xBD\xEF\xBF\xBD\",\"b\":\"é\"}");
}

TEST(ApiErrors, HaveOpenAisShape) {
  const json body = json::parse(error_body(context_exceeded(4096, 4000, 200)));
  EXPECT_EQ(body["error"]["code"], "context_length_exceeded");
  const std::string message = body["error"]["message"];
  EXPECT_NE(message.find("4096"), std::string::npos);
  EXPECT_NE(message.find("4200"), std::string::npos);
  EXPECT_EQ(json::parse(error_body(ApiError{.message = "x"}))["error"]["param"], nullptr);
}

TEST(ApiErrors, MapTheEnginesRefusals) {
  EXPECT_EQ(from_engine({base::ErrorCode::Limit, "9 > 8"}).status, 400);
  EXPECT_EQ(from_engine({base::ErrorCode::Usage, "x"}).status, 400);
  EXPECT_EQ(from_engine({base::ErrorCode::Internal, "x"}).status, 500);
  EXPECT_EQ(from_engine({base::ErrorCode::Cancelled, "x"}).status, 503);
}

}  // namespace
}  // namespace moestress::server
