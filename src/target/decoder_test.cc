#include "target/decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "base/random.h"

namespace moestress::target {
namespace {

using record::Ending;
using record::Endpoint;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kSse = "text/event-stream; charset=utf-8";
constexpr const char* kJson = "application/json";

struct Decoded {
  std::string text;
  std::string reasoning;
  std::vector<std::string> pieces;
  Reply reply;
};

/// Feeds `body` in pieces of `step` bytes and ends it.
Decoded decode(Decoder& decoder, std::string_view body, std::size_t step = std::string::npos) {
  Decoded out;
  const auto on_text = [&](std::string_view text, bool reasoning) {
    EXPECT_FALSE(text.empty());
    out.pieces.emplace_back(text);
    (reasoning ? out.reasoning : out.text).append(text);
  };
  while (!body.empty()) {
    const std::string_view piece = body.substr(0, step);
    body.remove_prefix(piece.size());
    if (!decoder.feed(piece, on_text)) break;
  }
  decoder.end(on_text);
  out.reply = decoder.reply();
  return out;
}

Decoded decode_as(Dialect dialect, Endpoint endpoint, bool stream, const char* type, std::string_view body,
                  std::size_t step = std::string::npos) {
  return decode(*make_decoder(dialect, endpoint, stream, type), body, step);
}

Decoded chat_stream(std::string_view body, std::size_t step = std::string::npos) {
  return decode_as(Dialect::OpenAi, Endpoint::Chat, true, kSse, body, step);
}
Decoded ollama_stream(std::string_view body, std::size_t step = std::string::npos) {
  return decode_as(Dialect::Ollama, Endpoint::Chat, true, "application/x-ndjson", body, step);
}
Decoded shimmy_stream(std::string_view body, std::size_t step = std::string::npos) {
  return decode_as(Dialect::Shimmy, Endpoint::ShimmyGenerate, true, kSse, body, step);
}

std::string event(const std::string& data) { return "data: " + data + "\n\n"; }
std::string delta(const std::string& json_text) {
  return event(R"({"choices":[{"index":0,"delta":{"content":)" + json_text + "}}]}");
}

const std::string kWholeStream =
    ": ping\n\n" + event(R"({"choices":[{"index":0,"delta":{"role":"assistant","content":null}}]})") +
    delta(R"("Hé")") + ": ping\n\n" + delta(R"("llo\n")") + delta(R"("")") +
    event(R"({"choices":[{"index":0,"delta":{},"finish_reason":"length"}]})") +
    event(R"({"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":2},)"
          R"("timings":{"prompt_ms":31.5,"predicted_ms":80.25,"cache_n":0}})") +
    event("[DONE]");

TEST(ChatStream, GivesTextReasonClaimsAndEnd) {
  const Decoded out = chat_stream(kWholeStream);
  EXPECT_THAT(out.pieces, ElementsAre("Hé", "llo\n"));
  EXPECT_TRUE(out.reply.end_marker);
  EXPECT_FALSE(out.reply.fault) << out.reply.detail;
  EXPECT_EQ(out.reply.finish_reason, "length");
  EXPECT_EQ(out.reply.claims.prompt_tokens, 12);
  EXPECT_EQ(out.reply.claims.completion_tokens, 2);
  EXPECT_EQ(out.reply.claims.prompt_ms, 31.5);
  EXPECT_EQ(out.reply.claims.decode_ms, 80.25);
  EXPECT_EQ(out.reply.claims.cached_prompt_tokens, 0);
}

TEST(ChatStream, IsTheSameHoweverItIsCut) {
  for (std::size_t step = 1; step < 40; ++step) {
    const Decoded out = chat_stream(kWholeStream, step);
    EXPECT_EQ(out.text, "Héllo\n") << step;
    EXPECT_FALSE(out.reply.fault) << step;
    EXPECT_TRUE(out.reply.end_marker) << step;
  }
}

TEST(ChatStream, FinishReasonIsAnEndToo) {
  const Decoded out = chat_stream(delta(R"("a")") + event(R"({"choices":[{"finish_reason":"stop"}]})"));
  EXPECT_TRUE(out.reply.end_marker);
  EXPECT_FALSE(out.reply.fault);
}

TEST(ChatStream, MissingEndMarker) {
  const Decoded out = chat_stream(delta(R"("a")"));
  EXPECT_EQ(out.reply.fault, Ending::MissingEndMarker);
  EXPECT_EQ(out.text, "a") << "what came is kept";
  EXPECT_EQ(chat_stream("").reply.fault, Ending::MissingEndMarker);
}

TEST(ChatStream, TruncatedInsideAnEvent) {
  const Decoded out = chat_stream(delta(R"("a")") + R"(data: {"choices":[{"del)");
  EXPECT_EQ(out.reply.fault, Ending::TruncatedStream);
  EXPECT_THAT(out.reply.detail, HasSubstr("inside an event"));
}

TEST(ChatStream, HalfJsonIsMalformed) {
  const Decoded out = chat_stream(delta(R"("a")") + event(R"({"choices":[{"del)") + delta(R"("b")"));
  EXPECT_EQ(out.reply.fault, Ending::MalformedResponse);
  EXPECT_THAT(out.reply.detail, StartsWith("not JSON: "));
  EXPECT_EQ(out.text, "a");
}

TEST(ChatStream, GarbageIsMalformed) {
  EXPECT_EQ(chat_stream("<html><body>Hello</body></html>\n").reply.fault, Ending::MalformedResponse);
  EXPECT_EQ(chat_stream(std::string("\x00\x01\x02\xFF\n\n", 6)).reply.fault, Ending::MalformedResponse);
}

TEST(ChatStream, WrongTypesAreMalformedAndNamed) {
  EXPECT_THAT(chat_stream(delta("5")).reply.detail, HasSubstr("'content' is a JSON number"));
  EXPECT_THAT(chat_stream(delta("[\"a\"]")).reply.detail, HasSubstr("'content' is a JSON array"));
  EXPECT_THAT(chat_stream(event(R"({"choices":{}})")).reply.detail, HasSubstr("'choices' is a JSON object"));
  EXPECT_THAT(chat_stream(event(R"({"choices":[3]})")).reply.detail, HasSubstr("no JSON object"));
  EXPECT_THAT(chat_stream(event(R"({"choices":[{"delta":"x"}]})")).reply.detail,
              HasSubstr("'delta' is a JSON"));
  EXPECT_THAT(chat_stream(event("[]")).reply.detail, HasSubstr("a JSON array"));
  for (const char* data : {"5", "\"text\"", "null", "[1,2]"})
    EXPECT_EQ(chat_stream(event(data)).reply.fault, Ending::MalformedResponse) << data;
}

TEST(ChatStream, FiguresThatAreNoneAreLeftOut) {
  for (const char* figure :
       {"-1", "1.5", "\"12\"", "null", "true", "[]", "18446744073709551615", "9007199254740993"}) {
    const Decoded out = chat_stream(event(std::string(R"({"usage":{"completion_tokens":)") + figure + "}}") +
                                    event("[DONE]"));
    EXPECT_FALSE(out.reply.claims.completion_tokens) << figure;
    EXPECT_FALSE(out.reply.fault) << figure;
  }
  for (const char* figure : {"-1", "\"3\"", "1e300", "{}"}) {
    const Decoded out =
        chat_stream(event(std::string(R"({"timings":{"predicted_ms":)") + figure + "}}") + event("[DONE]"));
    EXPECT_FALSE(out.reply.claims.decode_ms) << figure;
  }
  EXPECT_EQ(chat_stream(event(R"({"usage":{"completion_tokens":1e999}})")).reply.fault,
            Ending::MalformedResponse);
}

TEST(ChatStream, ErrorObjectsAreTheServersErrors) {
  const Decoded out =
      chat_stream(delta(R"("a")") +
                  event(R"({"error":{"message":"slot unavailable","type":"server_error","code":503}})") +
                  delta(R"("b")"));
  EXPECT_EQ(out.reply.fault, Ending::ServerError);
  EXPECT_EQ(out.reply.detail, "server_error: slot unavailable");
  EXPECT_EQ(out.text, "a");
  EXPECT_EQ(chat_stream(event(R"({"error":"out of memory"})")).reply.detail, "out of memory");
  EXPECT_EQ(chat_stream(event(R"({"object":"error","message":"bad","code":400})")).reply.detail, "bad");
  EXPECT_EQ(chat_stream("event: error\ndata: {\"error\":{\"message\":\"gone\"}}\n\n").reply.detail, "gone");
  EXPECT_THAT(chat_stream(event(R"({"error":{"message":"\u001b[31mred"}})")).reply.detail, HasSubstr("\\x1b"))
      << "the server's text is made safe for terminals";
}

TEST(ChatStream, ReasoningIsToldFromTheAnswer) {
  for (const char* name : {"reasoning_content", "reasoning"}) {
    const Decoded out = chat_stream(
        event(std::string(R"({"choices":[{"delta":{")") + name + R"(":"think","content":null}}]})") +
        delta(R"("answer")") + event("[DONE]"));
    EXPECT_EQ(out.reasoning, "think");
    EXPECT_EQ(out.text, "answer");
  }
}

TEST(ChatStream, HalvesOfACharacterAreJoined) {
  // "é" is C3 A9: one half in each event, which is no well-formed JSON text on its own.
  const Decoded out = chat_stream(delta("\"caf\xC3\"") + delta("\"\xA9!\"") + event("[DONE]"));
  EXPECT_EQ(out.text, "café!");
  EXPECT_THAT(out.pieces, ElementsAre("caf\xC3", "\xA9!"));
  EXPECT_FALSE(out.reply.fault) << out.reply.detail;
}

TEST(ChatStream, EveryIllFormedByteComesThroughAsItWas) {
  std::string bytes = "日本";
  for (int byte = 0x80; byte <= 0xFF; ++byte) bytes += static_cast<char>(byte);
  bytes += "\xF0\x9F\x98";  // three quarters of a smile
  EXPECT_EQ(chat_stream(delta("\"" + bytes + "\\u00e9\"") + event("[DONE]")).text, bytes + "é");
}

TEST(ChatStream, LogProbabilitiesGiveTheMarginOverTheBestOtherToken) {
  const std::string chunk = R"({"choices":[{"index":0,"delta":{"content":"ab\u00e9"},"logprobs":{"content":[
      {"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[
        {"token":"a","logprob":-0.5,"bytes":[97]},{"token":"x","logprob":-2.0,"bytes":[120]},
        {"token":"y","logprob":-1.25}]},
      {"token":"b","logprob":-3.0,"top_logprobs":[{"token":"z","logprob":-0.25}]},
      {"token":"\ufffd","logprob":-1.0,"bytes":[195]},
      {"token":"\ufffd","logprob":-1.0,"bytes":[169],"top_logprobs":[]}]}}]})";
  std::string one_line = chunk;
  std::erase(one_line, '\n');
  const Decoded whole = chat_stream(event(one_line) + "data: [DONE]\n\n");
  EXPECT_EQ(whole.text, "abé");
  const auto& choices = whole.reply.choices;
  ASSERT_EQ(choices.size(), 4u);
  EXPECT_EQ(choices[0].text, "a");
  EXPECT_EQ(choices[0].logprob, -0.5);
  EXPECT_EQ(choices[0].margin_nats, 0.75) << "the token itself is not its own rival";
  EXPECT_EQ(choices[1].margin_nats, -2.75) << "a sampled token may be worse than the best";
  EXPECT_EQ(choices[2].text, "\xC3");
  EXPECT_EQ(choices[2].margin_nats, std::nullopt);
  EXPECT_EQ(choices[3].margin_nats, std::nullopt);
}

TEST(ChatStream, LogProbabilitiesOfAnotherShapeAreLeftOut) {
  for (const char* logprobs : {"null", "7", R"([])", R"({"content":null})", R"({"content":{"token":"a"}})",
                               R"({"content":[null,3,"a"]})", R"({"content":[{"token":"a"}]})",
                               R"({"content":[{"token":"a","logprob":"-1"}]})",
                               R"({"tokens":["a"],"token_logprobs":[-1.0],"top_logprobs":[{"a":-1.0}]})"}) {
    const Decoded out = chat_stream(event(R"({"choices":[{"index":0,"delta":{"content":"a"},"logprobs":)" +
                                          std::string(logprobs) + R"(,"finish_reason":"stop"}]})"));
    EXPECT_EQ(out.text, "a") << logprobs;
    EXPECT_TRUE(out.reply.choices.empty()) << logprobs;
    EXPECT_TRUE(out.reply.end_marker) << logprobs;
  }
}

TEST(ChatStream, DeepNestingIsHarmless) {
  const std::string deep(200000, '[');
  EXPECT_EQ(chat_stream(event("{\"x\":" + deep + "}")).reply.fault, Ending::MalformedResponse);
  const std::string closed = deep + std::string(200000, ']');
  EXPECT_FALSE(chat_stream(event("{\"x\":" + closed + "}") + event("[DONE]")).reply.fault);
}

TEST(ChatStream, AnEndlessEventIsTooLarge) {
  auto decoder = make_decoder(Dialect::OpenAi, Endpoint::Chat, true, kSse);
  const std::string piece(1 << 20, 'x');
  const auto on_text = [](std::string_view, bool) {};
  bool goes_on = decoder->feed("data: ", on_text);
  for (int i = 0; goes_on && i < 10; ++i) goes_on = decoder->feed(piece, on_text);
  EXPECT_FALSE(goes_on);
  EXPECT_EQ(decoder->reply().fault, Ending::TooLarge);
}

TEST(ChatStream, NothingAfterTheEndCounts) {
  const Decoded out = chat_stream(delta(R"("a")") + event("[DONE]") + delta(R"("b")") + event("garbage"));
  EXPECT_EQ(out.text, "a");
  EXPECT_FALSE(out.reply.fault);
}

TEST(CompletionStream, HasItsTextInTheChoice) {
  const Decoded out =
      decode_as(Dialect::Vllm, Endpoint::Completion, true, kSse,
                event(R"({"choices":[{"text":" upon","finish_reason":null}]})") +
                    event(R"({"choices":[{"text":" a","finish_reason":"stop"}]})") + event("[DONE]"));
  EXPECT_EQ(out.text, " upon a");
  EXPECT_EQ(out.reply.finish_reason, "stop");
}

TEST(WholeReply, Chat) {
  const std::string body =
      R"({"choices":[{"message":{"role":"assistant","content":"Hi","reasoning_content":"hm"},"finish_reason":"stop"}],)"
      R"("usage":{"prompt_tokens":3,"completion_tokens":1}})";
  for (const std::size_t step : {1, 7, 1000}) {
    const Decoded out = decode_as(Dialect::OpenAi, Endpoint::Chat, false, kJson, body, step);
    EXPECT_EQ(out.text, "Hi");
    EXPECT_EQ(out.reasoning, "hm");
    EXPECT_EQ(out.reply.finish_reason, "stop");
    EXPECT_EQ(out.reply.claims.completion_tokens, 1);
    EXPECT_TRUE(out.reply.end_marker);
  }
}

TEST(WholeReply, IsTakenWhereAStreamWasAskedFor) {
  const std::string body = R"({"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]})";
  EXPECT_EQ(decode_as(Dialect::OpenAi, Endpoint::Chat, true, kJson, body).text, "Hi");
  EXPECT_EQ(decode_as(Dialect::OpenAi, Endpoint::Chat, false, kSse, delta("\"Hi\"") + event("[DONE]")).text,
            "Hi");
}

TEST(WholeReply, BadBodiesAreMalformed) {
  for (const char* body : {"", "{", "<html>", "[]", "{\"choices\":[{\"message\":{\"content\":1}}]}"}) {
    const Decoded out = decode_as(Dialect::OpenAi, Endpoint::Chat, false, kJson, body);
    EXPECT_EQ(out.reply.fault, Ending::MalformedResponse) << body;
    EXPECT_FALSE(out.reply.end_marker) << body;
  }
}

TEST(WholeReply, ShimmyAndOllama) {
  EXPECT_EQ(decode_as(Dialect::Shimmy, Endpoint::ShimmyGenerate, false, kJson, R"({"response":"a\nb"})").text,
            "a\nb");
  const Decoded out = decode_as(Dialect::Ollama, Endpoint::Chat, false, kJson,
                                R"({"message":{"content":"hi"},"done":true,"eval_count":5})");
  EXPECT_EQ(out.text, "hi");
  EXPECT_EQ(out.reply.claims.completion_tokens, 5);
}

const std::string kOllamaStream =
    R"({"message":{"role":"assistant","content":"","thinking":"hm"},"done":false})"
    "\n"
    R"({"message":{"role":"assistant","content":"Hel"},"done":false})"
    "\r\n\n"
    R"({"message":{"role":"assistant","content":"lo"},"done":false})"
    "\n"
    R"({"message":{"content":""},"done":true,"done_reason":"stop","prompt_eval_count":9,"eval_count":2,)"
    R"("prompt_eval_duration":1500000,"eval_duration":2500000000})"
    "\n";

TEST(OllamaStream, GivesTextClaimsInMsAndEnd) {
  for (const std::size_t step : {1, 3, 64, 10000}) {
    const Decoded out = ollama_stream(kOllamaStream, step);
    EXPECT_EQ(out.text, "Hello");
    EXPECT_EQ(out.reasoning, "hm");
    EXPECT_TRUE(out.reply.end_marker);
    EXPECT_EQ(out.reply.finish_reason, "stop");
    EXPECT_EQ(out.reply.claims.prompt_tokens, 9);
    EXPECT_EQ(out.reply.claims.completion_tokens, 2);
    EXPECT_EQ(out.reply.claims.prompt_ms, 1.5);
    EXPECT_EQ(out.reply.claims.decode_ms, 2500.0);
  }
}

TEST(OllamaStream, FailsInItsOwnWays) {
  EXPECT_EQ(ollama_stream(R"({"message":{"content":"a"},"done":false})"
                          "\n")
                .reply.fault,
            Ending::MissingEndMarker);
  const Decoded half = ollama_stream(R"({"message":{"content":"a"},"done":false})"
                                     "\n{\"mess");
  EXPECT_EQ(half.reply.fault, Ending::TruncatedStream);
  EXPECT_EQ(half.text, "a");
  EXPECT_EQ(ollama_stream("{\"error\":\"model 'x' not found\"}").reply.detail, "model 'x' not found");
  EXPECT_EQ(ollama_stream("garbage\n").reply.fault, Ending::MalformedResponse);
  EXPECT_EQ(ollama_stream("{\"message\":7}\n").reply.fault, Ending::MalformedResponse);
  EXPECT_EQ(
      ollama_stream(R"({"done":true,"eval_count":-4,"eval_duration":"x"})").reply.claims.completion_tokens,
      std::nullopt);
}

TEST(OllamaStream, ALastLineNeedsNoLineEnd) {
  const Decoded out = ollama_stream(R"({"response":"x","done":true})");
  EXPECT_EQ(out.text, "x");
  EXPECT_FALSE(out.reply.fault);
}

TEST(ShimmyStream, DataIsTheTokenItself) {
  // A newline inside a token is split over several data lines; the space after "data:" is no part of it.
  const std::string body =
      "data: Hello\n\ndata:  world\n\ndata: line\ndata: \ndata: next\n\ndata: {\"a\":1}\n\n"
      "data: [DONE]\n\n";
  for (const std::size_t step : {1, 5, 1000}) {
    const Decoded out = shimmy_stream(body, step);
    EXPECT_THAT(out.pieces, ElementsAre("Hello", " world", "line\n\nnext", "{\"a\":1}"));
    EXPECT_TRUE(out.reply.end_marker);
    EXPECT_FALSE(out.reply.fault);
  }
}

TEST(ShimmyStream, HalvesOfACharacterAreJoined) {
  EXPECT_EQ(shimmy_stream("data: \xE2\x82\n\ndata: \xAC\n\ndata: [DONE]\n\n").text, "€");
}

TEST(ShimmyStream, SwallowedErrorsShowAsAMissingEnd) {
  EXPECT_EQ(shimmy_stream("data: Hello\n\n").reply.fault, Ending::MissingEndMarker);
  EXPECT_EQ(shimmy_stream("data: Hel").reply.fault, Ending::TruncatedStream);
}

Decoded frames(const std::vector<std::string>& messages) {
  auto decoder = make_decoder(Dialect::Shimmy, Endpoint::ShimmyWebSocket, true, "");
  Decoded out;
  const auto on_text = [&](std::string_view text, bool) { out.text.append(text); };
  for (const std::string& message : messages)
    if (!decoder->feed(message, on_text)) break;
  decoder->end(on_text);
  out.reply = decoder->reply();
  return out;
}

TEST(ShimmyWebSocket, TakesRawFramesUpToDone) {
  const Decoded out = frames({"Hel", "lo", "", R"({"done":true})", "late"});
  EXPECT_EQ(out.text, "Hello");
  EXPECT_TRUE(out.reply.end_marker);
}

TEST(ShimmyWebSocket, TellsErrorsFromTextThatLooksLikeOne) {
  const Decoded out = frames({R"({"error":"model not found"})"});
  EXPECT_EQ(out.reply.fault, Ending::ServerError);
  EXPECT_EQ(out.reply.detail, "model not found");
  EXPECT_EQ(frames({R"({"error":"x","line":3})", R"({"done":true})"}).text, R"({"error":"x","line":3})");
  EXPECT_EQ(frames({R"({"done":false})", "{", R"({"done":true})"}).text, R"({"done":false}{)");
}

TEST(ShimmyWebSocket, MissingEndMarker) {
  EXPECT_EQ(frames({"Hello"}).reply.fault, Ending::MissingEndMarker);
  EXPECT_EQ(frames({}).reply.fault, Ending::MissingEndMarker);
}

// Whatever the bytes: no crash, and an end that is either whole or a named fault.
TEST(Decoders, SurviveMutatedStreams) {
  base::Random random(7);
  const std::vector<std::string> seeds{kWholeStream, kOllamaStream, "data: Hello\n\ndata: [DONE]\n\n"};
  for (int round = 0; round < 3000; ++round) {
    std::string body = seeds[random.below(seeds.size())];
    for (std::uint64_t i = random.below(8) + 1; i > 0; --i) {
      const std::size_t at = random.below(body.size());
      switch (random.below(3)) {
        case 0:
          body[at] = static_cast<char>(random.below(256));
          break;
        case 1:
          body.erase(at, random.below(10) + 1);
          break;
        default:
          body.insert(at, body.substr(random.below(body.size()), random.below(20)));
      }
      if (body.empty()) body = " ";
    }
    for (const Dialect dialect : {Dialect::OpenAi, Dialect::Ollama})
      for (const char* type : {kSse, kJson}) {
        const Decoded out = decode_as(dialect, Endpoint::Chat, true, type, body, random.below(50) + 1);
        EXPECT_TRUE(out.reply.end_marker || out.reply.fault);
      }
    const Decoded raw = shimmy_stream(body, random.below(50) + 1);
    EXPECT_TRUE(raw.reply.end_marker || raw.reply.fault);
  }
}

TEST(ErrorText, FindsTheServersWords) {
  EXPECT_EQ(error_text(
                R"({"error":{"code":400,"message":"request (5000 tokens) exceeds the available context size )"
                R"((4096 tokens), try increasing it","type":"exceed_context_size_error"}})"),
            "exceed_context_size_error: request (5000 tokens) exceeds the available context size (4096 "
            "tokens), try "
            "increasing it");
  EXPECT_EQ(error_text(R"({"detail":"Not Found"})"), "Not Found");
  EXPECT_EQ(error_text(R"({"message":"no"})"), "no");
  EXPECT_EQ(error_text("Bad Gateway"), "Bad Gateway");
  EXPECT_EQ(error_text(""), "");
  EXPECT_EQ(error_text(R"({"error":{"what":1}})"), R"({"what":1})");
  EXPECT_EQ(error_text("\x1b[2J"), "\\x1b[2J");
}

TEST(ContextOverflow, IsRecognisedInEveryDialect) {
  const auto overflow = [](Ending ending, const char* detail) {
    record::Outcome outcome;
    outcome.ending = ending;
    outcome.detail = detail;
    return is_context_overflow(outcome);
  };
  EXPECT_TRUE(overflow(Ending::Http4xx, "exceed_context_size_error: request (9 tokens) exceeds"));
  EXPECT_TRUE(overflow(Ending::Http4xx, "context_length_exceeded: too long"));
  EXPECT_TRUE(
      overflow(Ending::Http4xx, "BadRequestError: This model's Maximum Context Length is 4096 tokens"));
  EXPECT_TRUE(overflow(Ending::ServerError, "the input length exceeds the context length"));
  EXPECT_FALSE(overflow(Ending::Http4xx, "model not found"));
  EXPECT_FALSE(overflow(Ending::Complete, "maximum context length"));
}

}  // namespace
}  // namespace moestress::target
