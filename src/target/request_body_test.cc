#include "target/request_body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace moestress::target {
namespace {

using nlohmann::json;
using record::Endpoint;
using record::Request;
using testing::ElementsAre;
using testing::IsEmpty;

Request chat() {
  Request request;
  request.id = {42};
  request.messages = {{"system", "Be brief."}, {"user", "Say \"hé\"."}};
  request.max_tokens = 100;
  request.sampling = {.temperature = 0.5, .top_p = 0.9, .top_k = 20, .seed = 7};
  return request;
}

Request prompt(Endpoint endpoint) {
  Request request = chat();
  request.endpoint = endpoint;
  request.messages.clear();
  request.prompt = "Once";
  return request;
}

json body_of(Dialect dialect, const Request& request) {
  return json::parse(build_request(dialect, request, "m", "").body);
}

std::string header(const net::HttpRequest& request, std::string_view name) {
  const auto found = std::find_if(request.headers.begin(), request.headers.end(),
                                  [&](const auto& h) { return h.first == name; });
  return found == request.headers.end() ? "" : found->second;
}

TEST(RequestBody, PlainOpenAiGetsOnlyItsOwnFields) {
  Request request = chat();
  request.stop = {"\n\n"};
  request.ignore_eos = true;
  EXPECT_EQ(body_of(Dialect::OpenAi, request), json::parse(R"({
    "model": "m", "max_tokens": 100, "temperature": 0.5, "top_p": 0.9, "stream": true, "seed": 7,
    "stream_options": {"include_usage": true}, "stop": ["\n\n"],
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say \"hé\"."}]})"));
}

TEST(RequestBody, UsageIsAskedForInStreamsOnly) {
  Request request = chat();
  request.stream = false;
  const json body = body_of(Dialect::OpenAi, request);
  EXPECT_FALSE(body.contains("stream_options")) << "OpenAI answers 400 to it without a stream";
  EXPECT_EQ(body["stream"], false);
}

TEST(RequestBody, LogProbabilitiesAreAskedForInChatsOnly) {
  Request request = chat();
  EXPECT_FALSE(body_of(Dialect::OpenAi, request).contains("logprobs"));
  request.top_logprobs = 2;
  EXPECT_EQ(body_of(Dialect::OpenAi, request)["logprobs"], true);
  EXPECT_EQ(body_of(Dialect::OpenAi, request)["top_logprobs"], 2);
  Request completion = prompt(Endpoint::Completion);
  completion.top_logprobs = 2;
  EXPECT_FALSE(body_of(Dialect::OpenAi, completion).contains("logprobs")) << "there they are a number";
}

TEST(RequestBody, PathsHeadersAndKey) {
  const net::HttpRequest http = build_request(Dialect::OpenAi, chat(), "m", "secret");
  EXPECT_EQ(http.method, "POST");
  EXPECT_EQ(http.target, "/v1/chat/completions");
  EXPECT_EQ(header(http, "Content-Type"), "application/json");
  EXPECT_EQ(header(http, "Authorization"), "Bearer secret");
  EXPECT_EQ(header(build_request(Dialect::OpenAi, chat(), "m", ""), "Authorization"), "");
  EXPECT_EQ(build_request(Dialect::Vllm, prompt(Endpoint::Completion), "m", "").target, "/v1/completions");
  EXPECT_EQ(build_request(Dialect::Shimmy, prompt(Endpoint::ShimmyGenerate), "m", "").target,
            "/api/generate");
}

TEST(RequestBody, LlamaServerIsToldToStartCold) {
  Request request = chat();
  request.ignore_eos = true;
  json body = body_of(Dialect::LlamaServer, request);
  EXPECT_EQ(body["cache_prompt"], false);
  EXPECT_EQ(body["top_k"], 20);
  EXPECT_EQ(body["ignore_eos"], true);
  request.reuse_prefix = true;
  EXPECT_EQ(body_of(Dialect::LlamaServer, request)["cache_prompt"], true);
}

TEST(RequestBody, VllmIsToldToStartColdByASaltOfItsOwn) {
  Request request = chat();
  request.sampling.top_k = 0;
  const json body = body_of(Dialect::Vllm, request);
  EXPECT_EQ(body["cache_salt"], "moestress-42");
  EXPECT_EQ(body["top_k"], -1) << "vLLM's word for off";
  request.reuse_prefix = true;
  EXPECT_FALSE(body_of(Dialect::Vllm, request).contains("cache_salt"));
}

TEST(RequestBody, TheSeedFitsEveryServer) {
  Request request = chat();
  request.sampling.seed = 0xFFFFFFFFFFFFFFFF;
  for (const Dialect dialect : {Dialect::OpenAi, Dialect::Vllm, Dialect::LlamaServer})
    EXPECT_EQ(body_of(dialect, request)["seed"], 0x7FFFFFFF);
  EXPECT_EQ(body_of(Dialect::Ollama, request)["options"]["seed"], 0x7FFFFFFF);
}

TEST(RequestBody, Ollama) {
  Request request = chat();
  request.stop = {"END"};
  EXPECT_EQ(body_of(Dialect::Ollama, request), json::parse(R"({
    "model": "m", "stream": true,
    "options": {"num_predict": 100, "temperature": 0.5, "top_p": 0.9, "top_k": 20, "seed": 7, "stop": ["END"]},
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say \"hé\"."}]})"));
  const json raw = body_of(Dialect::Ollama, prompt(Endpoint::Completion));
  EXPECT_EQ(raw["prompt"], "Once");
  EXPECT_EQ(raw["raw"], true);
}

TEST(RequestBody, ShimmysChatHasNeitherSeedNorUsage) {
  const json body = body_of(Dialect::Shimmy, chat());
  EXPECT_FALSE(body.contains("seed"));
  EXPECT_FALSE(body.contains("stream_options"));
  EXPECT_FALSE(body.contains("top_k"));
}

TEST(RequestBody, ShimmysOwnApi) {
  EXPECT_EQ(body_of(Dialect::Shimmy, prompt(Endpoint::ShimmyGenerate)), json::parse(R"({
    "model": "m", "max_tokens": 100, "temperature": 0.5, "top_p": 0.9, "top_k": 20, "stream": true,
    "prompt": "Once"})"));
  Request with_messages = chat();
  with_messages.endpoint = Endpoint::ShimmyWebSocket;
  const json frame = json::parse(websocket_payload(Dialect::Shimmy, with_messages, "m"));
  EXPECT_EQ(frame["messages"][1]["role"], "user");
  EXPECT_FALSE(frame.contains("prompt"));
  EXPECT_FALSE(frame.contains("seed"));
  EXPECT_EQ(json::parse(websocket_payload(Dialect::Moestress, with_messages, "m"))["seed"], 7);
}

TEST(RequestBody, IllFormedPromptsStillMakeJson) {
  Request request = prompt(Endpoint::Completion);
  request.prompt = "a\xFF\xC3";
  EXPECT_EQ(body_of(Dialect::OpenAi, request)["prompt"], "a\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST(RequestBody, SaysWhatItDropped) {
  Request request = chat();
  request.ignore_eos = true;
  request.stop = {"x"};
  EXPECT_THAT(dropped_settings(Dialect::OpenAi, request), ElementsAre("top_k", "ignore_eos", "cold prompt"));
  EXPECT_THAT(dropped_settings(Dialect::LlamaServer, request), IsEmpty());
  EXPECT_THAT(dropped_settings(Dialect::Vllm, request), IsEmpty());
  EXPECT_THAT(dropped_settings(Dialect::Ollama, request), ElementsAre("ignore_eos", "cold prompt"));
  EXPECT_THAT(dropped_settings(Dialect::Shimmy, request), ElementsAre("seed", "top_k", "ignore_eos"));
  request.endpoint = Endpoint::ShimmyGenerate;
  EXPECT_THAT(dropped_settings(Dialect::Shimmy, request), ElementsAre("seed", "ignore_eos", "stop"));
  EXPECT_THAT(dropped_settings(Dialect::Moestress, request), IsEmpty());

  Request plain;
  plain.reuse_prefix = true;
  for (const Dialect dialect : kDialects) EXPECT_THAT(dropped_settings(dialect, plain), IsEmpty());
}

}  // namespace
}  // namespace moestress::target
