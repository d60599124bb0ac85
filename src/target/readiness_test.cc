#include "target/readiness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>

namespace moestress::target {
namespace {

using namespace std::chrono_literals;
using base::ErrorCode;
using testing::HasSubstr;

/// A server of canned answers; 404 for the rest.
struct Canned {
  std::map<std::string, std::pair<int, std::string>> answers;
  std::vector<std::string> asked;

  Ask ask() {
    return [this](const std::string& path) -> base::Result<net::HttpResponse> {
      asked.push_back(path);
      net::HttpResponse response;
      response.status = 404;
      if (const auto found = answers.find(path); found != answers.end())
        std::tie(response.status, response.body) = found->second;
      return response;
    };
  }
};

Ask unreachable() {
  return [](const std::string&) -> base::Result<net::HttpResponse> {
    return base::fail(ErrorCode::Unreachable, "connection refused");
  };
}

TEST(Look, ByHealthOrWhateverThereIs) {
  Canned server{{{"/health", {200, "{}"}}}, {}};
  EXPECT_EQ(look(server.ask()).state, Readiness::State::Ready);
  server.answers = {{"/v1/models", {200, "{}"}}};
  EXPECT_EQ(look(server.ask()).state, Readiness::State::Ready) << "a proxy without /health";
  server.answers = {{"/api/version", {200, "{}"}}};
  EXPECT_EQ(look(server.ask()).state, Readiness::State::Ready) << "Ollama";
  server.answers = {};
  EXPECT_EQ(look(server.ask()).state, Readiness::State::NotYet);
  EXPECT_EQ(look(unreachable()).state, Readiness::State::NotYet);
}

TEST(Look, LoadingIsNotReady) {
  Canned server{{{"/health", {503, R"({"error":{"message":"Loading model","code":503}})"}},
                 {"/v1/models", {200, "{}"}}},
                {}};
  const Readiness seen = look(server.ask());
  EXPECT_EQ(seen.state, Readiness::State::NotYet) << "llama-server lists its models while it loads them";
  EXPECT_EQ(seen.what, "GET /health: HTTP 503 Loading model");
}

TEST(Look, AWrongKeyIsNotWaitedFor) {
  Canned server{{{"/v1/models", {401, "no key"}}}, {}};
  EXPECT_EQ(look(server.ask()).state, Readiness::State::Refuses);
}

class WaitTest : public testing::Test {
 protected:
  WaitTest() {
    plan_.timeout = 10s;
    plan_.sleep = [this](base::Duration time) { clock_.advance(time); };
    plan_.death = [this] { return death_; };
    plan_.last_words = [this] { return last_words_; };
    plan_.target = "http://127.0.0.1:1";
  }

  base::FakeClock clock_;
  std::optional<std::string> death_;
  std::string last_words_;
  WaitPlan plan_;
};

TEST_F(WaitTest, SaysHowLongItTook) {
  const Ask loading = [this](const std::string&) -> base::Result<net::HttpResponse> {
    net::HttpResponse response;
    response.status = clock_.now().time_since_epoch() < 3s ? 503 : 200;
    return response;
  };
  const auto waited = wait_until_ready(loading, clock_, plan_);
  ASSERT_TRUE(waited);
  EXPECT_GE(*waited, 3s);
  EXPECT_LE(*waited, 3s + 100ms);
}

TEST_F(WaitTest, GivesUpAndSaysWhatWasTried) {
  last_words_ = "  still loading";
  const auto waited = wait_until_ready(unreachable(), clock_, plan_);
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code, ErrorCode::Unreachable);
  EXPECT_THAT(waited.error().message, HasSubstr("http://127.0.0.1:1 was not ready after 10"));
  EXPECT_THAT(waited.error().message, HasSubstr("connection refused"));
  EXPECT_THAT(waited.error().message, HasSubstr("still loading"));
}

TEST_F(WaitTest, NoticesDeath) {
  death_ = "exited with code 1";
  last_words_ = "  error: no such model";
  const auto waited = wait_until_ready(unreachable(), clock_, plan_);
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code, ErrorCode::TargetDied);
  EXPECT_THAT(waited.error().message, HasSubstr("exited with code 1"));
  EXPECT_THAT(waited.error().message, HasSubstr("no such model"));
}

TEST_F(WaitTest, WhatAnswersAfterDeathIsAnother) {
  death_ = "exited with code 1";  // "address already in use"
  Canned server{{{"/health", {200, "{}"}}}, {}};
  EXPECT_EQ(wait_until_ready(server.ask(), clock_, plan_).error().code, ErrorCode::TargetDied);
}

TEST_F(WaitTest, CanBeCancelled) {
  plan_.cancelled = [this] { return clock_.now().time_since_epoch() >= 1s; };
  const auto waited = wait_until_ready(unreachable(), clock_, plan_);
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code, ErrorCode::Cancelled);
  EXPECT_LE(clock_.now().time_since_epoch(), 2s);
}

TEST_F(WaitTest, RefusalIsTold) {
  Canned server{{{"/health", {403, "who are you?"}}}, {}};
  const auto waited = wait_until_ready(server.ask(), clock_, plan_);
  ASSERT_FALSE(waited);
  EXPECT_THAT(waited.error().message, HasSubstr("API key"));
}

TEST(DetectDialect, ByTheServersOwnAnswers) {
  const auto detect = [](std::map<std::string, std::pair<int, std::string>> answers) {
    Canned server{std::move(answers), {}};
    return detect_dialect(server.ask());
  };
  EXPECT_EQ(
      detect({{"/props", {200, R"({"server":"moestress","total_slots":4})"}}, {"/api/models", {200, "{}"}}}),
      Dialect::Moestress);
  EXPECT_EQ(detect({{"/props", {200, R"({"default_generation_settings":{},"total_slots":1})"}}}),
            Dialect::LlamaServer);
  EXPECT_EQ(detect({{"/v1/models", {200, R"({"data":[{"id":"m","owned_by":"llamacpp"}]})"}}}),
            Dialect::LlamaServer)
      << "its /props may be closed";
  EXPECT_EQ(detect({{"/health", {200, R"({"status":"ok","service":"shimmy"})"}}}), Dialect::Shimmy);
  EXPECT_EQ(detect({{"/api/models", {200, R"({"models":[]})"}}, {"/diag", {200, "{}"}}}), Dialect::Shimmy);
  EXPECT_EQ(
      detect({{"/api/version", {200, R"({"version":"0.9.0"})"}}, {"/api/tags", {200, R"({"models":[]})"}}}),
      Dialect::Ollama);
  EXPECT_EQ(detect({{"/version", {200, R"({"version":"0.10.1"})"}}}), Dialect::Vllm);
  EXPECT_EQ(detect({{"/v1/models", {200, R"({"data":[{"id":"m","owned_by":"vllm"}]})"}}}), Dialect::Vllm);
  EXPECT_EQ(detect({{"/v1/models", {200, R"({"data":[{"id":"m","owned_by":"me"}]})"}}}), Dialect::OpenAi);
}

TEST(DetectDialect, SurvivesAnyAnswer) {
  for (const char* body :
       {"", "null", "[]", "{", "\"x\"", R"({"server":5,"service":[],"models":7,"version":{},"data":[]})",
        R"({"data":[5],"models":[null]})"}) {
    Canned server;
    for (const char* path :
         {"/props", "/health", "/api/models", "/diag", "/api/version", "/api/tags", "/v1/models", "/version"})
      server.answers[path] = {200, body};
    EXPECT_NE(detect_dialect(server.ask()), Dialect::Auto) << body;
    EXPECT_FALSE(first_model(server.ask(), Dialect::OpenAi)) << body;
  }
  EXPECT_EQ(detect_dialect(unreachable()), Dialect::OpenAi);
}

TEST(FirstModel, AsEachDialectListsThem) {
  Canned server{{{"/v1/models", {200, R"({"data":[{"id":"first"},{"id":"second"}]})"}},
                 {"/api/tags", {200, R"({"models":[{"name":"tagged:7b"}]})"}}},
                {}};
  EXPECT_EQ(first_model(server.ask(), Dialect::OpenAi), "first");
  EXPECT_EQ(first_model(server.ask(), Dialect::Ollama), "tagged:7b");
  server.answers.clear();
  EXPECT_EQ(first_model(server.ask(), Dialect::OpenAi).error().code, ErrorCode::Usage);
}

}  // namespace
}  // namespace moestress::target
