#include "forge/random_model.h"

#include <ggml.h>
#include <gguf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>

#include "forge/temporary_folder_testing.h"
#include "gguf/builder_testing.h"
#include "gguf/topology.h"

namespace moestress::forge {
namespace {

using testing::HasSubstr;

constexpr Topology kAll[] = {Topology::GptOss, Topology::PhiMoe, Topology::DeepSeek};

std::string forged(const RandomModelSpec& spec) {
  const TemporaryFolder folder;
  const auto status = write_random_model(spec, folder.file("m.gguf"));
  EXPECT_TRUE(status) << status.error().message;
  return content_of(folder.file("m.gguf"));
}

std::uint64_t fnv1a(const std::string& bytes) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

TEST(RandomModel, SameSeedSameBytes) {
  for (const Topology kind : kAll) {
    const std::string bytes = forged({kind, Size::Tiny, 7});
    EXPECT_TRUE(bytes == forged({kind, Size::Tiny, 7})) << to_string(kind);
    EXPECT_FALSE(bytes == forged({kind, Size::Tiny, 8})) << to_string(kind);
  }
}

TEST(RandomModel, TheBytesAreTheSameEverywhere) {
  // Baselines name models by seed: a compiler, platform or ggml that changes a bit must be noticed.
  EXPECT_EQ(fnv1a(forged({Topology::GptOss, Size::Tiny, 1})), 8616664725702585364U);
  EXPECT_EQ(fnv1a(forged({Topology::PhiMoe, Size::Tiny, 1})), 3309897083687235936U);
  EXPECT_EQ(fnv1a(forged({Topology::DeepSeek, Size::Tiny, 1})), 3342566005168036731U);
}

TEST(RandomModel, HasTheTopologyItIsNamedAfter) {
  struct Expected {
    Topology kind;
    const char* architecture;
    int experts, used, shared;
    std::uint64_t context;
    std::size_t dense_layers;
  };
  for (const Expected& expected : {Expected{Topology::GptOss, "gpt-oss", 32, 4, 0, 131072, 0},
                                   Expected{Topology::PhiMoe, "phimoe", 16, 2, 0, 131072, 0},
                                   Expected{Topology::DeepSeek, "deepseek", 64, 6, 2, 4096, 1}}) {
    const std::string bytes = forged({expected.kind, Size::Tiny, 1});
    const auto file = gguf::parse_bytes(bytes);
    ASSERT_TRUE(file) << file.error().message;
    const auto topology = gguf::topology(*file);
    ASSERT_TRUE(topology) << topology.error().message;
    EXPECT_EQ(topology->architecture, expected.architecture);
    EXPECT_EQ(topology->experts, expected.experts);
    EXPECT_EQ(topology->experts_used, expected.used);
    EXPECT_EQ(topology->experts_shared, expected.shared);
    EXPECT_EQ(topology->context_tokens, expected.context);
    EXPECT_EQ(topology->moe_layers.size() + expected.dense_layers,
              static_cast<std::size_t>(topology->layers));
    EXPECT_EQ(topology->moe_layers.front(), static_cast<int>(expected.dense_layers));
    EXPECT_THAT(topology->name, HasSubstr("moestress random"));
    EXPECT_THAT(topology->name, HasSubstr("(seed 1)"));
    EXPECT_TRUE(gguf::random_weights(*file));
    const std::uint64_t tensors = topology->routed_expert_bytes + topology->shared_expert_bytes +
                                  topology->router_bytes + topology->other_bytes;
    EXPECT_LE(tensors + file->data_offset, bytes.size());
    EXPECT_LT(bytes.size(), tensors + file->data_offset + 32 * file->tensors.size() + 32);
    EXPECT_LE(bytes.size(), 3'000'000U);
  }
}

TEST(RandomModel, SmallIsBetween50And200Megabytes) {
  const TemporaryFolder folder;
  for (const Topology kind : kAll) {
    ASSERT_TRUE(write_random_model({kind, Size::Small, 1}, folder.file("m.gguf")));
    const auto file = gguf::read(folder.file("m.gguf"));
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_GT(file->file_bytes, 50'000'000U) << to_string(kind);
    EXPECT_LT(file->file_bytes, 200'000'000U) << to_string(kind);
    const auto topology = gguf::topology(*file);
    ASSERT_TRUE(topology) << topology.error().message;
    EXPECT_EQ(topology->moe_layers.size(), 2U);
    EXPECT_GT(topology->routed_expert_bytes * 10, file->file_bytes * 8) << "experts are most of such a model";
  }
}

TEST(RandomModel, TruncationsOfTheMetadataAreErrors) {
  const std::string bytes = forged({Topology::DeepSeek, Size::Tiny, 1});
  const auto whole = gguf::parse_bytes(bytes);
  ASSERT_TRUE(whole);
  // Coprime to every field's size, so each field is cut at each of its bytes somewhere; gguf's own tests cut
  // a short file at every byte.
  for (std::size_t size = 0; size < whole->data_offset; size += 61) {
    const auto file = gguf::parse_bytes(std::string_view(bytes).substr(0, size));
    ASSERT_FALSE(file) << "cut to " << size;
    ASSERT_THAT(file.error().message, HasSubstr("offset ")) << size;
  }
}

TEST(RandomModel, GgmlReadsWhatOurReaderReads) {
  const TemporaryFolder folder;
  for (const Topology kind : kAll) {
    const std::string path = folder.file("m.gguf");
    ASSERT_TRUE(write_random_model({kind, Size::Tiny, 1}, path));
    const auto file = gguf::read(path);
    ASSERT_TRUE(file);
    const std::unique_ptr<gguf_context, void (*)(gguf_context*)> ggml(
        gguf_init_from_file(path.c_str(), {true, nullptr}), gguf_free);
    ASSERT_TRUE(ggml);
    ASSERT_EQ(gguf_get_n_tensors(ggml.get()), static_cast<std::int64_t>(file->tensors.size()));
    ASSERT_EQ(gguf_get_n_kv(ggml.get()), static_cast<std::int64_t>(file->metadata.size()));
    EXPECT_EQ(gguf_get_data_offset(ggml.get()), file->data_offset);
    for (std::size_t i = 0; i < file->tensors.size(); ++i) {
      const auto at = static_cast<std::int64_t>(i);
      const gguf::Tensor& tensor = file->tensors[i];
      EXPECT_EQ(gguf_get_tensor_name(ggml.get(), at), tensor.name);
      EXPECT_EQ(gguf_get_tensor_size(ggml.get(), at), tensor.bytes) << tensor.name;
      EXPECT_EQ(gguf_get_tensor_offset(ggml.get(), at) + file->data_offset, tensor.offset) << tensor.name;
    }
  }
}

TEST(RandomModel, TheReadersTypesAreGgmls) {
  for (std::uint32_t id = 0; id < GGML_TYPE_COUNT; ++id) {
    const auto type = static_cast<ggml_type>(id);
    const auto known = gguf::tensor_type(id);
    ASSERT_EQ(known.has_value(), ggml_blck_size(type) > 0) << id;
    if (!known) continue;
    EXPECT_EQ(known->block_values, ggml_blck_size(type)) << known->name;
    EXPECT_EQ(known->block_bytes, ggml_type_size(type)) << known->name;
    EXPECT_STRCASEEQ(std::string(known->name).c_str(), ggml_type_name(type));
  }
}

TEST(RandomModel, NothingWritesTheReservedDimension) {
  const std::string bytes = forged({Topology::PhiMoe, Size::Tiny, 1});
  const auto file = gguf::parse_bytes(bytes);
  ASSERT_TRUE(file);
  const auto value = [&](const char* name, std::uint64_t index) {
    const gguf::Tensor* tensor = file->find_tensor(name);
    float number = 0;
    std::memcpy(&number, bytes.data() + tensor->offset + index * sizeof number, sizeof number);
    return number;
  };
  EXPECT_EQ(value("blk.0.attn_norm.weight", 0), 0.0F);
  EXPECT_NE(value("blk.0.attn_norm.weight", 1), 0.0F);
  EXPECT_EQ(value("blk.1.attn_output.bias", 0), 0.0F);
  EXPECT_NE(value("blk.1.attn_output.bias", 1), 0.0F);
  EXPECT_EQ(value("output_norm.weight", 0), 1.0F);
  const gguf::Tensor* down = file->find_tensor("blk.1.ffn_down_exps.weight");
  const std::size_t row = 64 / 32 * 34;  // Q8_0, 64 wide
  for (std::size_t expert = 0; expert < 16; ++expert) {
    const std::string_view matrix =
        std::string_view(bytes).substr(down->offset + expert * 64 * row, 64 * row);
    EXPECT_EQ(matrix.substr(0, row), std::string(row, '\0'));
    EXPECT_NE(matrix.substr(row, row), std::string(row, '\0'));
  }
}

TEST(RandomModel, ReportsProgressUpToTheEnd) {
  const TemporaryFolder folder;
  std::vector<double> shares;
  ASSERT_TRUE(write_random_model({}, folder.file("m.gguf"), [&](double share) { shares.push_back(share); }));
  EXPECT_TRUE(std::is_sorted(shares.begin(), shares.end()));
  EXPECT_DOUBLE_EQ(shares.back(), 1.0);
  EXPECT_EQ(folder.files(), 1U);
}

TEST(RandomModel, NamesWhatThereIs) {
  for (const Topology kind : kAll) EXPECT_EQ(topology_from(to_string(kind)), kind);
  EXPECT_EQ(size_from("small"), Size::Small);
  EXPECT_THAT(topology_from("mixtral").error().message, HasSubstr("gpt-oss, phimoe and deepseek"));
  EXPECT_EQ(size_from("big").error().code, base::ErrorCode::Usage);
}

}  // namespace
}  // namespace moestress::forge
