// Tokens are what a tokenizer says of the whole text: never chunks, events, frames or words.

#include <gtest/gtest.h>

#include "base/text.h"
#include "calibration.h"
#include "load/latency.h"

namespace moestress::calibration {
namespace {

using namespace std::chrono_literals;
using record::Endpoint;
using record::Outcome;
using target::Dialect;

/// A tokenizer of one character each; wrong on anything but whole characters.
std::int64_t characters(std::string_view text) {
  EXPECT_TRUE(base::is_valid_utf8(text));
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

void count(std::vector<record::Outcome>& outcomes) {
  for (auto& outcome : outcomes) outcome.completion_tokens = characters(outcome.text);
}

using Tokens = Calibration;

TEST_F(Tokens, SeveralInOneChunkAreAllCounted) {
  serve([](const Received&) {
    Script script;
    script.steps.push_back({20ms, stream_head("text/event-stream") + http_chunk(chat_event("0123456789"))});
    for (int i = 1; i <= 4; ++i)
      script.steps.push_back({20ms + 50ms * i, http_chunk(chat_event("0123456789"))});
    script.steps.push_back({220ms, http_chunk("data: [DONE]\n\n") + kLastHttpChunk});
    return script;
  });
  attach(Dialect::OpenAi);
  expect_calibrated([this]() -> std::vector<Reading> {
    std::vector outcomes{once(request()), once(request()), once(request())};
    count(outcomes);
    const std::vector<Served> served = server_->served();
    std::vector<double> measured, truth;
    for (const Outcome& outcome : outcomes) {
      EXPECT_LE(outcome.chunks.size(), 5U);
      EXPECT_EQ(outcome.completion_tokens, 50);
      measured.push_back(49'000 / load::decode_tok_s(outcome).value_or(1));
      const auto& written = served_for(outcome, served).written;
      truth.push_back(base::to_ms(written[4] - written[0]));
    }
    return {{"time of 49 tokens at the speed of decoding", median(measured), median(truth)}};
  });
}

TEST_F(Tokens, ACharacterCutInTwoIsOne) {
  // "Grüße", with both of its two-byte characters cut, in five events of shimmy's; then in JSON strings.
  const std::vector<std::string> pieces{"Gr", "\xC3", "\xBC\xC3", "\x9F", "e"};
  serve([&](const Received& received) {
    const bool raw = received.path == "/api/generate";
    Script script;
    script.steps.push_back({0ms, stream_head("text/event-stream")});
    for (std::size_t i = 0; i < pieces.size(); ++i)
      script.steps.push_back({10ms * static_cast<int>(i + 1),
                              http_chunk(raw ? "data: " + pieces[i] + "\n\n" : chat_event(pieces[i]))});
    script.steps.push_back({70ms, http_chunk("data: [DONE]\n\n") + kLastHttpChunk});
    return script;
  });
  attach(Dialect::Moestress);
  std::vector outcomes{once(request(Endpoint::ShimmyGenerate)), once(request(Endpoint::Chat))};
  count(outcomes);
  for (const Outcome& outcome : outcomes) {
    ASSERT_TRUE(outcome.ok()) << outcome.detail;
    EXPECT_EQ(outcome.text, "Grüße");
    EXPECT_GE(outcome.chunks.size(), 2U) << "not one whole text, or nothing was tested";
    EXPECT_EQ(outcome.completion_tokens, 5);
  }
}

TEST_F(Tokens, WhatTheServerClaimsStaysAClaim) {
  serve([](const Received&) {
    Script script;
    script.steps = {{0ms, stream_head("text/event-stream") + http_chunk(chat_event("abc")) +
                              http_chunk("data: {\"choices\":[],\"usage\":{\"completion_tokens\":99}}\n\n") +
                              http_chunk("data: [DONE]\n\n") + kLastHttpChunk}};
    return script;
  });
  attach(Dialect::OpenAi);
  std::vector outcomes{once(request())};
  EXPECT_EQ(outcomes[0].claims.completion_tokens, 99);
  EXPECT_EQ(outcomes[0].completion_tokens, -1);
  count(outcomes);
  EXPECT_EQ(load::latency_metrics(outcomes).at("completion_tokens").value, 3);
}

}  // namespace
}  // namespace moestress::calibration
