#include "gguf/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "gguf/builder_testing.h"

namespace moestress::gguf {
namespace {

using testing::HasSubstr;

std::string message_of(const std::string& bytes) {
  const auto file = parse_bytes(bytes);
  EXPECT_FALSE(file.has_value());
  return file ? "" : file.error().message;
}
std::string message_of(const Builder& builder) { return message_of(builder.bytes()); }

Builder ordinary() {
  Builder builder;
  builder.text("general.architecture", "llama")
      .number("llama.block_count", 2)
      .numbers("llama.heads", {1, 2})
      .texts("tokenizer.ggml.tokens", {"a", "", "long token"})
      .tensor("token_embd.weight", {64, 3}, 8)
      .tensor("blk.0.attn_q.weight", {64, 2}, 1);
  return builder;
}

TEST(File, ReadsMetadataAndTensors) {
  const auto file = parse_bytes(ordinary().bytes());
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->version, 3U);
  EXPECT_EQ(file->string_at("general.architecture"), "llama");
  EXPECT_EQ(file->unsigned_at("llama.block_count"), 2U);
  EXPECT_EQ(file->per_layer("llama.heads", 2), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(file->per_layer("llama.heads", 3), std::nullopt);
  EXPECT_EQ(file->per_layer("llama.block_count", 3), (std::vector<std::uint64_t>{2, 2, 2}));
  const auto& tokens = std::get<Array>(*file->find("tokenizer.ggml.tokens"));
  EXPECT_EQ(tokens.element, ValueType::String);
  EXPECT_EQ(tokens.count, 3U);
  ASSERT_EQ(file->tensors.size(), 2U);
  EXPECT_EQ(file->tensors[0].type.name, "Q8_0");
  EXPECT_EQ(file->tensors[0].bytes, 3U * 2 * 34);
  EXPECT_EQ(file->tensors[0].offset, file->data_offset);
  EXPECT_EQ(file->tensors[1].bytes, 256U);
  EXPECT_EQ(file->tensors[1].offset, file->data_offset + 224);
  EXPECT_EQ(file->find_tensor("blk.0.attn_q.weight"), &file->tensors[1]);
  EXPECT_EQ(file->find_tensor("output.weight"), nullptr);
}

TEST(File, ReadsEveryKindOfValue) {
  Builder builder;
  builder.raw("u8", 0, "\xff").raw("i8", 1, "\xff").raw("u16", 2, std::string_view("\x01\x02", 2));
  builder.raw("i16", 3, "\xfe\xff").raw("i32", 5, "\xfd\xff\xff\xff");
  builder.raw("f32", 6, std::string_view("\0\0\xc0\x3f", 4)).raw("bool", 7, "\x01");
  builder.raw("u64", 10, std::string_view("\0\0\0\0\1\0\0\0", 8))
      .raw("i64", 11, "\xff\xff\xff\xff\xff\xff\xff\xff");
  builder.raw("f64", 12, std::string_view("\0\0\0\0\0\0\xf8\x3f", 8));
  const auto file = parse_bytes(builder.bytes());
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->unsigned_at("u8"), 255U);
  EXPECT_EQ(std::get<std::int64_t>(*file->find("i8")), -1);
  EXPECT_EQ(file->unsigned_at("i8"), std::nullopt);
  EXPECT_EQ(file->unsigned_at("u16"), 513U);
  EXPECT_EQ(std::get<std::int64_t>(*file->find("i16")), -2);
  EXPECT_EQ(std::get<std::int64_t>(*file->find("i32")), -3);
  EXPECT_EQ(std::get<double>(*file->find("f32")), 1.5);
  EXPECT_EQ(std::get<bool>(*file->find("bool")), true);
  EXPECT_EQ(file->unsigned_at("u64"), std::uint64_t{1} << 32);
  EXPECT_EQ(std::get<std::int64_t>(*file->find("i64")), -1);
  EXPECT_EQ(std::get<double>(*file->find("f64")), 1.5);
  EXPECT_EQ(file->string_at("u8"), std::nullopt);
}

TEST(File, KeepsShortArraysOnly) {
  Builder builder;
  builder.numbers("short", std::vector<std::uint32_t>(Array::kHeldMax, 7));
  builder.numbers("long", std::vector<std::uint32_t>(Array::kHeldMax + 1, 7));
  builder.number("after", 5);
  const auto file = parse_bytes(builder.bytes());
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(std::get<Array>(*file->find("short")).numbers.size(), Array::kHeldMax);
  EXPECT_TRUE(std::get<Array>(*file->find("long")).numbers.empty());
  EXPECT_EQ(std::get<Array>(*file->find("long")).count, Array::kHeldMax + 1);
  EXPECT_EQ(file->unsigned_at("after"), 5U);
}

TEST(File, KnowsRandomWeights) {
  EXPECT_FALSE(random_weights(*parse_bytes(ordinary().bytes())));
  EXPECT_TRUE(random_weights(*parse_bytes(ordinary().text("moestress.weights", "random").bytes())));
}

TEST(File, ReadsVersion2AndRefusesOthers) {
  EXPECT_TRUE(parse_bytes(ordinary().version(2).bytes()));
  for (const std::uint32_t version : {0U, 1U, 4U, 0x03000000U}) {
    const auto file = parse_bytes(ordinary().version(version).bytes());
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().code, base::ErrorCode::Unsupported) << version;
  }
  EXPECT_THAT(message_of(ordinary().version(0x03000000U)), HasSubstr("big-endian"));
}

TEST(File, EveryTruncationIsAnErrorThatNamesAnOffset) {
  const std::string whole = ordinary().bytes();
  // The last tensor's data ends at the file's end.
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto file = parse_bytes(whole.substr(0, size));
    ASSERT_FALSE(file) << "cut to " << size << " of " << whole.size();
    EXPECT_EQ(file.error().code, base::ErrorCode::Format);
    EXPECT_THAT(file.error().message, HasSubstr("offset ")) << size;
  }
}

TEST(File, NoFlippedByteCrashes) {
  const std::string whole = ordinary().bytes();
  for (std::size_t at = 0; at < ordinary().header().size(); ++at) {
    for (const char value : {'\x00', '\x7f', '\x80', '\xff'}) {
      std::string bytes = whole;
      bytes[at] = value;
      const auto file = parse_bytes(bytes);
      EXPECT_TRUE(!file || file->tensors.size() <= 2);
    }
  }
}

TEST(File, RefusesCountsThatTheFileCannotHold) {
  EXPECT_THAT(message_of(ordinary().claim(~std::uint64_t{0}, 1)),
              HasSubstr("claims 18446744073709551615 tensors"));
  EXPECT_THAT(message_of(ordinary().claim(1, ~std::uint64_t{0})),
              HasSubstr("claims 18446744073709551615 keys"));
  EXPECT_THAT(message_of(ordinary().claim(100, 4)), HasSubstr("offset 8"));
}

TEST(File, RefusesLyingStrings) {
  const std::string huge(8, '\xff');
  EXPECT_THAT(message_of(Builder().raw("key", 8, huge)),
              HasSubstr("\"key\" is said to be 18446744073709551615"));
  std::string lying = Builder().number("k", 1).bytes();
  lying[24] = '\x7f';  // the key's length
  EXPECT_THAT(message_of(lying), HasSubstr("offset 24"));
  EXPECT_THAT(message_of(Builder().number(std::string(70000, 'k'), 1)), HasSubstr("at most 65535"));
}

TEST(File, RefusesLyingArrays) {
  const auto array = [](std::uint32_t element, std::uint64_t count) {
    std::string bytes(12, '\0');
    std::memcpy(bytes.data(), &element, 4);
    std::memcpy(bytes.data() + 4, &count, 8);
    return bytes;
  };
  EXPECT_THAT(message_of(Builder().raw("a", 9, array(4, std::uint64_t{1} << 62))),
              HasSubstr("only 0 bytes follow"));
  EXPECT_THAT(message_of(Builder().raw("a", 9, array(8, std::uint64_t{1} << 61))), HasSubstr("strings"));
  EXPECT_THAT(message_of(Builder().raw("a", 9, array(8, 1) + std::string(8, '\xff'))),
              HasSubstr("only 0 follow"));
  EXPECT_THAT(message_of(Builder().raw("a", 9, array(13, 1))), HasSubstr("unknown value type 13"));
  std::string nested;
  for (int i = 0; i < 1000; ++i) nested += array(9, 1);
  EXPECT_THAT(message_of(Builder().raw("a", 9, nested)), HasSubstr("array of arrays"));
}

TEST(File, RefusesRepeatedAndUnknown) {
  EXPECT_THAT(message_of(Builder().number("k", 1).number("k", 2)), HasSubstr("\"k\" occurs twice"));
  EXPECT_THAT(message_of(Builder().tensor("t", {32}).tensor("t", {32})), HasSubstr("\"t\" occurs twice"));
  EXPECT_THAT(message_of(Builder().raw("k", 99, "")), HasSubstr("unknown value type 99"));
  EXPECT_THAT(message_of(Builder().tensor("t", {32}, 4)), HasSubstr("unknown type 4"));
  EXPECT_THAT(message_of("GGUFgguf"), HasSubstr("version"));
  EXPECT_THAT(message_of("PK\x03\x04 a zip file, not a model"), HasSubstr("not a GGUF file"));
}

TEST(File, RefusesImpossibleTensors) {
  const std::uint64_t huge = std::uint64_t{1} << 62;
  EXPECT_THAT(message_of(Builder().number("key", 1).raw_tensor("t", {}, 0, 0)), HasSubstr("0 dimensions"));
  EXPECT_THAT(message_of(Builder().raw_tensor("t", {1, 1, 1, 1, 1}, 0, 0)), HasSubstr("5 dimensions"));
  EXPECT_THAT(message_of(Builder().raw_tensor("t", {0}, 0, 0)), HasSubstr("rows of 0"));
  EXPECT_THAT(message_of(Builder().raw_tensor("t", {32, 0}, 0, 0)), HasSubstr("empty or larger"));
  EXPECT_THAT(message_of(Builder().raw_tensor("t", {33}, 8, 0)), HasSubstr("no multiple of Q8_0"));
  EXPECT_THAT(message_of(Builder().raw_tensor("t", {huge, huge, huge, huge}, 0, 0)),
              HasSubstr("larger than the file"));
  EXPECT_THAT(message_of(Builder().raw_tensor("t", {32, huge, 4}, 0, 0)), HasSubstr("larger than the file"));
  EXPECT_THAT(message_of(Builder().tensor("a", {32}).raw_tensor("t", {1}, 0, 1 << 20)),
              HasSubstr("reaches past"));
  EXPECT_THAT(message_of(Builder().tensor("a", {32}).raw_tensor("t", {1}, 0, ~std::uint64_t{31})),
              HasSubstr("reaches past"));
  EXPECT_THAT(message_of(Builder().tensor("a", {32}).raw_tensor("t", {1}, 0, 4)), HasSubstr("alignment"));
  EXPECT_THAT(message_of(Builder().tensor("a", {32}).raw_tensor("b", {16}, 0, 64)), HasSubstr("overlap"));
}

TEST(File, ChecksTheAlignment) {
  EXPECT_THAT(message_of(Builder().number("general.alignment", 0)), HasSubstr("power of two"));
  EXPECT_THAT(message_of(Builder().number("general.alignment", 48)), HasSubstr("power of two"));
  EXPECT_THAT(message_of(Builder().number("general.alignment", 1U << 31)), HasSubstr("power of two"));
  EXPECT_THAT(message_of(Builder().text("general.alignment", "32")), HasSubstr("power of two"));
  const auto file = parse_bytes(Builder().number("general.alignment", 64).bytes() + std::string(64, '\0'));
  ASSERT_TRUE(file);
  EXPECT_EQ(file->data_offset % 64, 0U);
}

TEST(File, ReportsWhatTheSystemSays) {
  const auto missing = read("/nowhere/model.gguf");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, base::ErrorCode::Io);
  EXPECT_THAT(missing.error().message, HasSubstr("No such file"));
  EXPECT_THAT(read("/").error().message, HasSubstr("not a regular file"));
}

TEST(File, ReadsFromDiskAcrossItsWindow) {
  // More metadata than the reader's window holds.
  Builder builder;
  builder.texts("tokens", std::vector<std::string>(20000, "token")).number("after", 9).tensor("t", {32, 4});
  const auto path =
      std::filesystem::temp_directory_path() / ("moestress-file-" + std::to_string(::getpid()) + ".gguf");
  std::ofstream(path, std::ios::binary) << builder.bytes();
  const auto file = read(path.string());
  std::filesystem::remove(path);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->unsigned_at("after"), 9U);
  EXPECT_EQ(file->file_bytes, builder.bytes().size());
  EXPECT_EQ(file->tensors.at(0).bytes, 512U);
}

TEST(TensorType, BlockSizesAreGgmls) {
  EXPECT_EQ(tensor_type(39)->name, "MXFP4");
  EXPECT_EQ(tensor_type(39)->block_bytes, 17U);
  EXPECT_EQ(tensor_type(3)->block_bytes, 20U);
  EXPECT_EQ(tensor_type(14)->block_values, 256U);
  EXPECT_EQ(tensor_type(30)->block_bytes, 2U);
  for (const std::uint32_t removed : {4U, 5U, 31U, 36U, 43U, ~0U})
    EXPECT_FALSE(tensor_type(removed)) << removed;
}

}  // namespace
}  // namespace moestress::gguf
