#include "quality/score_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>

#include "quality/frame_stream.h"
#include "quality/scored_text_testing.h"

namespace moestress::quality {
namespace {

using base::ErrorCode;
using testing::HasSubstr;

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void put_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// All texts, or the first error.
base::Result<std::vector<ScoredText>> read_all(const std::string& path) {
  MOESTRESS_TRY(auto reader, ScoreReader::open(path));
  std::vector<ScoredText> texts;
  while (true) {
    MOESTRESS_TRY(auto text, reader.next());
    if (!text) break;
    texts.push_back(std::move(*text));
  }
  MOESTRESS_TRY(const auto again, reader.next());  // asking again after the last is no error
  EXPECT_FALSE(again);
  return texts;
}

std::string error_of(const std::string& path) {
  const auto texts = read_all(path);
  return texts ? "" : texts.error().message;
}

/// Of the first `tokens` of a trace, 4 wide.
record::MoeActivations activations_of(record::RoutingTrace routing, std::size_t tokens) {
  routing.tokens = tokens;
  routing.ids.resize(tokens * 2);
  routing.weights.resize(tokens * 2);
  record::MoeActivations activations{std::move(routing), 4, {}, {}};
  for (std::size_t i = 0; i < activations.size(); ++i) {
    activations.inputs.push_back(static_cast<float>(i));
    activations.outputs.push_back(static_cast<float>(100 + i));
  }
  return activations;
}

std::vector<ScoredText> some_texts() {
  base::Random random(61);
  std::vector<ScoredText> texts = {
      random_text(random, "first", 3, 5), random_text(random, "zweiter “Text”\n", 2, 5),
      random_text(random, "routing only", 2, 9), random_text(random, "tokens only", 2, 9)};
  texts[0].scored_from = 3;
  texts[1].routing->weights.clear();
  texts[1].routing->ids[0] = texts[1].routing->ids[1] = record::RoutingTrace::kAbsent;
  for (std::size_t i : {2U, 3U}) {
    texts[i].vocabulary = 0;
    texts[i].logits.clear();
  }
  texts[3].routing.reset();
  texts[0].activations = activations_of(*texts[0].routing, 2);
  texts[2].activations = activations_of(*texts[2].routing, 1);
  texts[2].activations->inputs.clear();
  return texts;
}

TEST(ScoreFile, BringsBackWhatWasWritten) {
  const ScratchFile file("round_trip");
  const std::vector<ScoredText> texts = some_texts();
  const ScoreHeader header{
      "models/m.gguf", "first:2", "Vulkan0", true, {{"threads", "1"}, {"repack", "off"}}};
  ASSERT_TRUE(file.write(texts, header));
  auto reader = ScoreReader::open(file.path());
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_EQ(reader->header().model, header.model);
  EXPECT_EQ(reader->header().placement, header.placement);
  EXPECT_EQ(reader->header().device, header.device);
  EXPECT_TRUE(reader->header().software_device);
  EXPECT_EQ(reader->header().settings, header.settings);
  const auto back = read_all(file.path());
  ASSERT_TRUE(back) << back.error().message;
  ASSERT_EQ(back->size(), texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ((*back)[i].id, texts[i].id);
    EXPECT_EQ((*back)[i].tokens, texts[i].tokens);
    EXPECT_EQ((*back)[i].scored_from, texts[i].scored_from);
    EXPECT_EQ((*back)[i].vocabulary, texts[i].vocabulary);
    EXPECT_EQ((*back)[i].logits, texts[i].logits);
    ASSERT_EQ((*back)[i].activations.has_value(), texts[i].activations.has_value());
    if (texts[i].activations) {
      EXPECT_EQ((*back)[i].activations->tokens(), texts[i].activations->tokens());
      EXPECT_EQ((*back)[i].activations->routing.ids, texts[i].activations->routing.ids);
      EXPECT_EQ((*back)[i].activations->inputs, texts[i].activations->inputs);
      EXPECT_EQ((*back)[i].activations->outputs, texts[i].activations->outputs);
    }
    ASSERT_EQ((*back)[i].routing.has_value(), texts[i].routing.has_value());
    if (!texts[i].routing) continue;
    EXPECT_EQ((*back)[i].routing->layers, texts[i].routing->layers);
    EXPECT_EQ((*back)[i].routing->experts, 8);
    EXPECT_EQ((*back)[i].routing->k, 2);
    EXPECT_EQ((*back)[i].routing->tokens, texts[i].tokens.size());
    EXPECT_EQ((*back)[i].routing->ids, texts[i].routing->ids);
    EXPECT_EQ((*back)[i].routing->weights, texts[i].routing->weights);
  }
  EXPECT_EQ(texts[0].row(1)[3], texts[0].logits[8]);
}

TEST(ScoreFile, SpansManyBuffers) {
  const ScratchFile file("large");
  base::Random random(62);
  const std::vector<ScoredText> texts = {random_text(random, "a", 60, 20000), random_text(random, "b", 1, 2)};
  ASSERT_TRUE(file.write(texts));
  const auto back = read_all(file.path());
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ((*back)[0].logits, texts[0].logits);
  EXPECT_EQ((*back)[1].logits, texts[1].logits);
}

TEST(ScoreFile, WithoutTextsIsWhole) {
  const ScratchFile file("empty");
  ASSERT_TRUE(file.write({}));
  const auto back = read_all(file.path());
  ASSERT_TRUE(back);
  EXPECT_TRUE(back->empty());
}

TEST(ScoreFile, CutOffAnywhereIsAnError) {
  const ScratchFile file("cut");
  ASSERT_TRUE(file.write(some_texts()));
  const std::string whole = bytes_of(file.path());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    put_bytes(file.path(), whole.substr(0, size));
    const auto texts = read_all(file.path());
    ASSERT_FALSE(texts) << size;
    ASSERT_EQ(texts.error().code, ErrorCode::Format) << size;
    ASSERT_THAT(texts.error().message, HasSubstr(file.path())) << size;
  }
  put_bytes(file.path(), whole + "x");
  EXPECT_THAT(error_of(file.path()), HasSubstr("bytes after the end"));
}

TEST(ScoreFile, ADamagedByteIsFoundOrHarmless) {
  const ScratchFile file("damaged");
  const std::vector<ScoredText> texts = some_texts();
  ASSERT_TRUE(file.write(texts));
  const std::string whole = bytes_of(file.path());
  int harmless = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ (1U << (at % 8)));
    put_bytes(file.path(), damaged);
    const auto back = read_all(file.path());
    if (!back) continue;
    // A few bits of a frame's header mean nothing; what is read must be what was written.
    ++harmless;
    ASSERT_EQ(back->size(), texts.size()) << at;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      ASSERT_EQ((*back)[i].logits, texts[i].logits) << at;
      ASSERT_EQ((*back)[i].tokens, texts[i].tokens) << at;
    }
  }
  EXPECT_LT(harmless, 20);
}

TEST(ScoreFile, OtherFilesAreRefused) {
  const ScratchFile file("other");
  put_bytes(file.path(), "plain text, and some more of it");
  EXPECT_THAT(error_of(file.path()), HasSubstr("not a score file"));
  EXPECT_EQ(ScoreReader::open("/nonexistent/score").error().code, ErrorCode::Io);
  EXPECT_EQ(ScoreWriter::create("/nonexistent/score", {}).error().code, ErrorCode::Io);
  auto frames = FrameWriter::create(file.path());
  ASSERT_TRUE(frames);
  ASSERT_TRUE((*frames)->put("MOETRACE", 8));
  ASSERT_TRUE((*frames)->end_frame());
  ASSERT_TRUE((*frames)->close());
  EXPECT_THAT(error_of(file.path()), HasSubstr("not a score file"));
}

/// Writes a header, then whatever a hostile writer puts in the frame of a text.
template <class Put>
std::string error_of_hostile(const ScratchFile& file, std::uint32_t version, const Put& put) {
  auto frames = FrameWriter::create(file.path());
  EXPECT_TRUE(frames);
  FrameWriter& out = **frames;
  EXPECT_TRUE(out.put("MOESCORE", 8) && out.put(version));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(out.put(std::uint32_t{0}));  // model, placement, device
  EXPECT_TRUE(out.put(std::uint8_t{0}) && out.put(std::uint32_t{0}) && out.end_frame());
  put(out);
  EXPECT_TRUE(out.end_frame() && out.close());
  return error_of(file.path());
}

/// A text's frame up to its parts, with one token.
void put_start(FrameWriter& out, std::uint32_t tokens, std::uint64_t scored_from, std::int32_t vocabulary,
               std::uint8_t parts) {
  EXPECT_TRUE(out.put(std::uint32_t{1}) && out.put(std::uint32_t{0}) && out.put(tokens));
  for (std::uint32_t i = 0; i < tokens && i < 10; ++i) EXPECT_TRUE(out.put(std::int32_t{0}));
  EXPECT_TRUE(out.put(scored_from) && out.put(vocabulary) && out.put(parts));
}

TEST(ScoreFile, HostileSizesAreRefusedBeforeTheyTakeMemory) {
  const ScratchFile file("hostile");
  EXPECT_THAT(error_of_hostile(file, 3, [](FrameWriter&) {}), HasSubstr("version 3"));
  EXPECT_THAT(error_of_hostile(file, 2, [](FrameWriter& out) { (void)out.put(std::uint32_t{9}); }),
              HasSubstr("unknown kind 9"));
  EXPECT_THAT(error_of_hostile(file, 2, [](FrameWriter& out) { put_start(out, 0xFFFFFFFF, 1, 0, 0); }),
              HasSubstr("tokens is 4294967295; a score file holds at most 1048576"));
  EXPECT_THAT(error_of_hostile(file, 2, [](FrameWriter& out) { put_start(out, 1 << 20, 1, 0, 0); }),
              HasSubstr("shorter than it says"));
  EXPECT_THAT(error_of_hostile(file, 2, [](FrameWriter& out) { put_start(out, 2, 1, 0x7FFFFFFF, 1); }),
              HasSubstr("a text holds at most"));
  EXPECT_THAT(error_of_hostile(file, 2, [](FrameWriter& out) { put_start(out, 1, 1, -5, 1); }),
              HasSubstr("0 logits for 1 tokens and a vocabulary of -5"));
  EXPECT_THAT(error_of_hostile(file, 2, [](FrameWriter& out) { put_start(out, 2, 0, 0, 0); }),
              HasSubstr("scored from 0"));
  EXPECT_THAT(error_of_hostile(file, 2, [](FrameWriter& out) { put_start(out, 0, 1, 0, 0); }),
              HasSubstr("0 tokens"));
  EXPECT_THAT(error_of_hostile(file, 2,
                               [](FrameWriter& out) {
                                 put_start(out, 2, 1, 0, 2);
                                 (void)out.put(std::uint32_t{1});
                                 (void)out.put(std::int32_t{0});
                                 (void)out.put(std::int32_t{8});
                                 (void)out.put(std::int32_t{0x7FFFFFFF});
                               }),
              HasSubstr("routing entries; a text holds at most"));
  EXPECT_THAT(error_of_hostile(file, 2,
                               [](FrameWriter& out) {
                                 put_start(out, 1, 1, 0, 2);
                                 (void)out.put(std::uint32_t{1});
                                 (void)out.put(std::int32_t{0});
                                 (void)out.put(std::int32_t{8});
                                 (void)out.put(std::int32_t{-1});
                               }),
              HasSubstr("8 experts of which -1 are chosen"));
  EXPECT_THAT(error_of_hostile(file, 2,
                               [](FrameWriter& out) {
                                 put_start(out, 1, 1, 0, 8);
                                 (void)out.put(std::uint32_t{1});           // tokens
                                 (void)out.put(std::uint32_t{0xFFFFFFFF});  // wide
                                 (void)out.put(std::uint32_t{1});  // layers: the first, 2 experts, 1 chosen
                                 for (const std::int32_t value : {0, 2, 1}) (void)out.put(value);
                                 (void)out.put(std::uint16_t{0});
                                 (void)out.put(1.0F);
                               }),
              HasSubstr("activations of 1 tokens × 1 layers × 4294967295; a text holds at most"));
  EXPECT_THAT(error_of_hostile(file, 2,
                               [](FrameWriter& out) {
                                 put_start(out, 1, 1, 0, 0);
                                 (void)out.put(std::uint8_t{0});
                               }),
              HasSubstr("longer than it says"));
}

TEST(ScoreWriter, RefusesTextsThatDoNotAddUp) {
  const ScratchFile file("refused");
  base::Random random(63);
  const ScoredText good = random_text(random, "good", 4, 7);
  auto writer = ScoreWriter::create(file.path(), {});
  ASSERT_TRUE(writer);
  const auto refused = [&](const auto& spoil) {
    ScoredText text = good;
    spoil(text);
    const auto status = writer->add(text);
    EXPECT_FALSE(status);
    return status ? "" : status.error().message;
  };
  EXPECT_THAT(refused([](ScoredText& t) { t.logits.pop_back(); }), HasSubstr("27 logits for 4 tokens"));
  EXPECT_THAT(refused([](ScoredText& t) { t.vocabulary = 0; }), HasSubstr("vocabulary of 0"));
  EXPECT_THAT(refused([](ScoredText& t) { t.logits[15] = NAN; }), HasSubstr("after token 2 is not finite"));
  EXPECT_THAT(refused([](ScoredText& t) { t.logits[0] = -INFINITY; }), HasSubstr("not finite"));
  EXPECT_THAT(refused([](ScoredText& t) { t.tokens[1] = 7; }), HasSubstr("token 7 at 1"));
  EXPECT_THAT(refused([](ScoredText& t) { t.tokens[1] = -1; }), HasSubstr("token -1 at 1"));
  EXPECT_THAT(refused([](ScoredText& t) { t.scored_from = 0; }), HasSubstr("scored from 0"));
  EXPECT_THAT(refused([](ScoredText& t) { t.scored_from = 5; }), HasSubstr("scored from 5"));
  EXPECT_THAT(refused([](ScoredText& t) { t.routing->tokens = 3; }), HasSubstr("routing of 3 tokens"));
  EXPECT_THAT(refused([](ScoredText& t) { t.routing->ids[0] = 8; }), HasSubstr("expert 8 of 8"));
  EXPECT_THAT(refused([](ScoredText& t) { t.id.assign(kScoreStringMax + 1, 'x'); }),
              HasSubstr("at most 65536"));
  // What was refused left no trace.
  ASSERT_TRUE(writer->add(good));
  ASSERT_TRUE(writer->finish());
  const auto back = read_all(file.path());
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->size(), 1U);
}

TEST(ScoreWriter, HeaderIsBounded) {
  const ScratchFile file("header");
  ScoreHeader header;
  header.model.assign(kScoreStringMax + 1, 'x');
  EXPECT_EQ(ScoreWriter::create(file.path(), header).error().code, ErrorCode::Limit);
  header.model.clear();
  for (int i = 0; i < 1025; ++i) header.settings[std::to_string(i)] = "1";
  EXPECT_EQ(ScoreWriter::create(file.path(), header).error().code, ErrorCode::Limit);
}

TEST(ScoreWriter, SaysThatTheDiskIsFull) {
  std::ifstream full("/dev/full");
  if (!full) GTEST_SKIP() << "no /dev/full here";
  base::Random random(64);
  auto writer = ScoreWriter::create("/dev/full", {});
  ASSERT_TRUE(writer);
  auto status = writer->add(random_text(random, "a", 50, 1000));
  if (status) status = writer->finish();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::Io);
}

}  // namespace
}  // namespace moestress::quality
