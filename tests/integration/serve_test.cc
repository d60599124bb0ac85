// The whole server over real sockets, on a tiny forged model.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/text.h"
#include "engine/model.h"
#include "serve_testing.h"

namespace moestress::integration {
namespace {

using std::chrono::seconds;

/// Tests that leave the server as they found it share one.
class Serve : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = start_ready(tiny_options()); }
  static void TearDownTestSuite() { server_.reset(); }
  void SetUp() override { ASSERT_NE(server_, nullptr); }
  Talk talk() const { return Talk(*server_); }

  static json chat(const json& changes = json::object()) {
    json body = {{"messages", {{{"role", "user"}, {"content", "Name three rivers."}}}},
                 {"temperature", 0},
                 {"max_tokens", 24},
                 {"ignore_eos", true}};
    body.update(changes);
    return body;
  }
  static json completion(const json& changes = json::object()) {
    json body = {
        {"prompt", "Once upon a time"}, {"temperature", 0}, {"max_tokens", 24}, {"ignore_eos", true}};
    body.update(changes);
    return body;
  }

  static inline std::unique_ptr<server::Server> server_;
};

TEST_F(Serve, TellsWhatItServes) {
  EXPECT_EQ(talk().get_json("/health")["status"], "ok");
  const json models = talk().get_json("/v1/models");
  ASSERT_EQ(models["data"].size(), 1U);
  EXPECT_EQ(models["data"][0]["id"], "tiny");
  EXPECT_EQ(talk().get_json("/v1/models/tiny")["object"], "model");
  const json shimmy = talk().get_json("/api/models")["models"][0];
  EXPECT_EQ(shimmy["name"], "tiny");
  EXPECT_EQ(shimmy["size_bytes"], std::filesystem::file_size(tiny_model()));
}

TEST_F(Serve, PropsShowThePlacementAsItIs) {
  const json props = talk().get_json("/props");
  EXPECT_EQ(props["model"]["architecture"], "gpt-oss");
  EXPECT_EQ(props["model"]["experts"], 32);
  EXPECT_EQ(props["placement"]["asked"], "cpu");
  EXPECT_EQ(props["placement"]["as_asked"], true);
  EXPECT_EQ(props["placement"]["layers"].size(), props["model"]["moe_layers"].get<std::size_t>());
  EXPECT_EQ(props["placement"]["routed_tensors_on_device"], 0);
  EXPECT_GT(props["placement"]["bytes"][0]["routed_bytes"], 0);
  EXPECT_EQ(props["slots"], 2);
  EXPECT_EQ(props["context_per_slot"], 8192);
  EXPECT_EQ(props["threads"], 1);
  EXPECT_EQ(props["pid"], ::getpid());
  ASSERT_FALSE(props["memory"].empty());
  std::int64_t model_bytes = 0;
  std::int64_t context_bytes = 0;
  for (const json& use : props["memory"]) {
    model_bytes += use["model_bytes"].get<std::int64_t>();
    context_bytes += use["context_bytes"].get<std::int64_t>();
  }
  EXPECT_GT(model_bytes, props["placement"]["bytes"][0]["routed_bytes"].get<std::int64_t>());
  EXPECT_GT(context_bytes, 0);
}

TEST_F(Serve, UsageIsTheTokenizersCount) {
  engine::LoadOptions options;
  options.path = tiny_model();
  options.vocabulary_only = true;
  const auto model = engine::Model::load(options, base::Logger(base::LogLevel::Error));
  ASSERT_TRUE(model.has_value()) << model.error().message;
  const record::Message message{.role = "user", .content = "Name three rivers."};
  const auto text = (*model)->apply_chat_template({&message, 1});
  ASSERT_TRUE(text.has_value()) << text.error().message;

  const json reply = talk().post_json("/v1/chat/completions", chat());
  EXPECT_EQ(reply["usage"]["prompt_tokens"], (*model)->tokenize(*text, true, true).size());
  EXPECT_EQ(reply["usage"]["completion_tokens"], 24);
  EXPECT_EQ(reply["usage"]["total_tokens"], reply["usage"]["prompt_tokens"].get<int>() + 24);
  EXPECT_EQ(reply["choices"][0]["finish_reason"], "length");
  EXPECT_EQ(reply["timings"]["predicted_n"], 24);
  EXPECT_EQ(reply["timings"]["prompt_n"], reply["usage"]["prompt_tokens"]);
  EXPECT_GT(reply["timings"]["predicted_ms"], 0);
  EXPECT_EQ(reply["model"], "tiny");
  EXPECT_TRUE(reply["id"].get<std::string>().starts_with("chatcmpl-"));

  const json raw = talk().post_json("/v1/completions", completion({{"logprobs", 0}}));
  EXPECT_EQ(raw["usage"]["prompt_tokens"], (*model)->tokenize("Once upon a time", true, true).size());
  EXPECT_EQ(raw["choices"][0]["logprobs"]["tokens"].size(), 24U);
}

TEST_F(Serve, AStreamGivesTheTextOfTheWhole) {
  const struct {
    const char* path;
    json body;
  } cases[] = {{"/v1/chat/completions", chat()},
               {"/v1/completions", completion()},
               {"/v1/chat/completions", chat({{"temperature", 1.5}, {"seed", 77}})},
               {"/v1/completions", completion({{"temperature", 1}, {"top_k", 5}, {"seed", 78}})}};
  for (const auto& one : cases) {
    const json whole = talk().post_json(one.path, one.body);
    json body = one.body;
    body.update({{"stream", true}, {"stream_options", {{"include_usage", true}}}});
    const StreamedText streamed = join_events(talk().post_events(one.path, body));
    const json& choice = whole["choices"][0];
    EXPECT_EQ(streamed.text, choice.contains("text") ? choice["text"] : choice["message"]["content"])
        << one.path;
    EXPECT_FALSE(streamed.text.empty());
    EXPECT_EQ(streamed.finish_reasons, std::vector<std::string>{"length"});
    EXPECT_EQ(streamed.last["usage"], whole["usage"]);
    EXPECT_EQ(streamed.last["timings"]["predicted_n"], 24);
  }
}

TEST_F(Serve, TokensAsPromptAreTheSameAsTheirText) {
  const json tokenized =
      talk().post_json("/tokenize", {{"content", "Once upon a time"}, {"add_special", true}});
  const json from_text = talk().post_json("/v1/completions", completion());
  const json from_tokens = talk().post_json("/v1/completions", completion({{"prompt", tokenized["tokens"]}}));
  EXPECT_EQ(from_text["choices"][0]["text"], from_tokens["choices"][0]["text"]);
  EXPECT_EQ(from_text["usage"], from_tokens["usage"]);
}

TEST_F(Serve, TokenizesBothWays) {
  const std::string text = "Grüße, 世界!";
  const json tokens = talk().post_json("/tokenize", {{"content", text}})["tokens"];
  EXPECT_EQ(talk().post_json("/detokenize", {{"tokens", tokens}})["content"], text);
  const json pieces = talk().post_json("/tokenize", {{"content", "a b"}, {"with_pieces", true}})["tokens"];
  ASSERT_FALSE(pieces.empty());
  EXPECT_TRUE(pieces[0].contains("id") && pieces[0].contains("piece"));
  EXPECT_EQ(talk().post("/tokenize", {{"content", 5}}).status, 400);
  EXPECT_EQ(talk().post("/tokenize", json::object()).status, 400);
  EXPECT_EQ(talk().post("/detokenize", {{"tokens", {1'000'000'000}}}).status, 400);
  EXPECT_EQ(talk().post("/detokenize", {{"tokens", {-1}}}).status, 400);
}

TEST_F(Serve, AStopStringEndsTheText) {
  const std::string whole = talk().post_json("/v1/completions", completion())["choices"][0]["text"];
  ASSERT_GE(whole.size(), 12U);
  std::size_t at = whole.size() / 2;
  while ((static_cast<unsigned char>(whole[at]) & 0xC0U) == 0x80U) ++at;
  const std::string stop = whole.substr(at, 3);
  if (base::is_valid_utf8(stop)) {
    const json cut = talk().post_json("/v1/completions", completion({{"stop", {stop}}}));
    EXPECT_EQ(cut["choices"][0]["text"], whole.substr(0, whole.find(stop)));
    EXPECT_EQ(cut["choices"][0]["finish_reason"], "stop");
    EXPECT_LE(cut["usage"]["completion_tokens"], 24);
  } else {
    FAIL() << "the middle of the text is no whole character";
  }
}

TEST_F(Serve, LogprobsAreOfTheTokensSent) {
  const json reply =
      talk().post_json("/v1/chat/completions", chat({{"logprobs", true}, {"top_logprobs", 4}}));
  const json& content = reply["choices"][0]["logprobs"]["content"];
  ASSERT_EQ(content.size(), 24U);
  std::string joined;
  for (const json& token : content) {
    EXPECT_LE(token["logprob"], 0);
    ASSERT_EQ(token["top_logprobs"].size(), 4U);
    EXPECT_EQ(token["logprob"], token["top_logprobs"][0]["logprob"]) << "greedy takes the likeliest";
    if (token["bytes"].is_null()) continue;
    for (const json& byte : token["bytes"]) joined += static_cast<char>(byte.get<int>());
  }
  EXPECT_EQ(base::replace_invalid_utf8(joined), reply["choices"][0]["message"]["content"]);
  const StreamedText streamed = join_events(talk().post_events(
      "/v1/chat/completions", chat({{"logprobs", true}, {"top_logprobs", 4}, {"stream", true}})));
  EXPECT_EQ(streamed.text, reply["choices"][0]["message"]["content"]);
}

TEST_F(Serve, ShimmysApisGiveTheSameText) {
  const json body = {{"model", "tiny"},
                     {"prompt", "Once upon a time"},
                     {"temperature", 0},
                     {"max_tokens", 24},
                     {"ignore_eos", true}};
  json whole_body = body;
  whole_body["stream"] = false;
  const std::string whole = talk().post_json("/api/generate", whole_body)["response"];
  EXPECT_EQ(whole, talk().post_json("/v1/completions", completion())["choices"][0]["text"]);

  auto events = talk().post_events("/api/generate", body);
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back(), "[DONE]");
  events.pop_back();
  std::string streamed;
  for (const std::string& event : events) streamed += event;
  EXPECT_EQ(streamed, whole);

  auto frames = talk().socket_frames(body.dump());
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(json::parse(frames.back()), json({{"done", true}}));
  frames.pop_back();
  std::string framed;
  for (const std::string& frame : frames) framed += frame;
  EXPECT_EQ(framed, whole);
}

TEST_F(Serve, TheSocketSaysWhatIsWrong) {
  for (const char* frame : {"no json", "{}", R"({"model":"other","prompt":"x"})", R"({"prompt":5})"}) {
    const auto frames = talk().socket_frames(frame);
    ASSERT_EQ(frames.size(), 1U) << frame;
    EXPECT_TRUE(json::parse(frames[0])["error"].is_string()) << frames[0];
  }
}

TEST_F(Serve, RefusesWhatIsWrongAndGoesOn) {
  const struct {
    json body;
    int status;
    const char* code;
  } cases[] = {{chat({{"model", "gpt-4o"}}), 404, "model_not_found"},
               {chat({{"n", 2}}), 400, "unsupported_value"},
               {chat({{"temperature", "hot"}}), 400, "invalid_type"},
               {chat({{"messages", json::array()}}), 400, "invalid_value"},
               {chat({{"logprobs", true}, {"top_logprobs", 50}}), 400, "invalid_value"}};
  for (const auto& one : cases) {
    const auto response = talk().post("/v1/chat/completions", one.body);
    EXPECT_EQ(response.status, one.status) << response.body;
    EXPECT_EQ(json::parse(response.body)["error"]["code"], one.code);
  }
  EXPECT_EQ(talk().request("POST", "/v1/chat/completions", "{\"messages\":").status, 400);
  EXPECT_EQ(talk().request("POST", "/v1/chat/completions", std::string(100'000, '[')).status, 400);
  EXPECT_EQ(talk().request("POST", "/v1/chat/completions", std::string(9'000'000, ' ')).status, 413);
  EXPECT_EQ(talk().post("/v1/completions", completion({{"prompt", {999'999'999}}})).status, 400);
  EXPECT_EQ(talk().post("/v1/completions", completion({{"prompt", ""}, {"max_tokens", 1}})).status / 100, 4);
  EXPECT_EQ(talk().post_json("/v1/chat/completions", chat({{"model", "tiny.gguf"}}))["model"], "tiny");
}

TEST_F(Serve, NamesBothNumbersWhereTheContextIsPassed) {
  const std::vector<int> prompt(8000, 5);
  const auto over = talk().post("/v1/completions", completion({{"prompt", prompt}, {"max_tokens", 193}}));
  EXPECT_EQ(over.status, 400);
  const json error = json::parse(over.body)["error"];
  EXPECT_EQ(error["code"], "context_length_exceeded");
  EXPECT_NE(error["message"].get<std::string>().find("8192 tokens"), std::string::npos) << error;
  EXPECT_NE(error["message"].get<std::string>().find("8193 tokens"), std::string::npos) << error;
  const auto longer = talk().post("/v1/completions", completion({{"prompt", std::vector<int>(8193, 5)}}));
  EXPECT_EQ(json::parse(longer.body)["error"]["code"], "context_length_exceeded");
  EXPECT_EQ(talk().get_json("/health")["status"], "ok");
}

TEST_F(Serve, AClientThatLeavesFreesItsSlot) {
  const auto endless = completion({{"max_tokens", 8000}, {"stream", true}});
  auto stream = std::make_unique<OpenStream>(server_->port(), "/v1/completions", endless);
  EXPECT_EQ(talk().metric("moestress_slots_busy"), 1);
  stream->leave();
  EXPECT_TRUE(talk().metric_becomes("moestress_slots_busy", 0, seconds(1)));
  // One that does not stream is noticed as well.
  auto whole = completion({{"max_tokens", 8000}});
  OpenStream silent(server_->port(), "/v1/completions", whole, false);
  EXPECT_TRUE(talk().metric_becomes("moestress_slots_busy", 1, seconds(5)));
  silent.leave();
  EXPECT_TRUE(talk().metric_becomes("moestress_slots_busy", 0, seconds(1)));
}

TEST_F(Serve, AFullQueueAnswers429) {
  const auto endless = completion({{"max_tokens", 8000}, {"stream", true}});
  std::vector<std::unique_ptr<OpenStream>> streams;
  for (int i = 0; i < 4; ++i) {  // two slots, two that wait
    streams.push_back(std::make_unique<OpenStream>(server_->port(), "/v1/completions", endless, i < 2));
  }
  ASSERT_TRUE(talk().metric_becomes("moestress_queue_length", 2, seconds(5)));
  const auto refused = talk().post("/v1/chat/completions", chat());
  EXPECT_EQ(refused.status, 429) << refused.body;
  EXPECT_EQ(json::parse(refused.body)["error"]["code"], "queue_full");
  EXPECT_TRUE(std::any_of(refused.headers.begin(), refused.headers.end(), [](const auto& header) {
    return header.first == "Retry-After" || header.first == "retry-after";
  }));
  streams.clear();
  EXPECT_TRUE(talk().metric_becomes("moestress_queue_length", 0, seconds(1)));
  EXPECT_TRUE(talk().metric_becomes("moestress_slots_busy", 0, seconds(1)));
  EXPECT_EQ(talk().post("/v1/chat/completions", chat()).status, 200);
}

}  // namespace
}  // namespace moestress::integration
