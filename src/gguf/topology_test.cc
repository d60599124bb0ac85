#include "gguf/topology.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gguf/builder_testing.h"

namespace moestress::gguf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Topology, ReadsAMixtureOfExperts) {
  const auto file = parse_bytes(mixtral_like().bytes());
  ASSERT_TRUE(file) << file.error().message;
  const auto topology = gguf::topology(*file);
  ASSERT_TRUE(topology) << topology.error().message;
  EXPECT_EQ(topology->architecture, "llama");
  EXPECT_EQ(topology->name, "Mixtral of nothing");
  EXPECT_EQ(topology->layers, 2);
  EXPECT_THAT(topology->moe_layers, ElementsAre(1));
  EXPECT_EQ(topology->experts, 8);
  EXPECT_EQ(topology->experts_used, 2);
  EXPECT_EQ(topology->experts_shared, 0);
  EXPECT_EQ(topology->context_tokens, 32768U);
  EXPECT_EQ(topology->key_length, 16);
  EXPECT_EQ(topology->vocabulary, 3U);
  EXPECT_EQ(topology->routed_expert_bytes, kMixtralRoutedBytes);
  EXPECT_EQ(topology->expert_bytes, kMixtralRoutedBytes / 8);
  EXPECT_EQ(topology->router_bytes, 2048U);
  EXPECT_EQ(topology->other_bytes, 384U + 384 + 8192 + 4096);
  EXPECT_EQ(topology->kv_bytes_per_token, 2U * 2 * (16 + 16) * 2);
  EXPECT_THAT(topology->quantisations, ElementsAre("F16", "Q8_0", "F32"));
  EXPECT_THAT(topology->expert_quantisations, ElementsAre("Q8_0", "F16", "F32"));
  EXPECT_EQ(routed_bytes(*file, 1), kMixtralRoutedBytes);
  EXPECT_EQ(routed_bytes(*file, 0), 0U);
}

TEST(Topology, ADenseModelHasNoExperts) {
  Builder builder;
  builder.text("general.architecture", "llama")
      .number("llama.block_count", 1)
      .number("llama.embedding_length", 64);
  builder.tensor("blk.0.ffn_up.weight", {64, 32}, 1);
  const auto topology = gguf::topology(*parse_bytes(builder.bytes()));
  ASSERT_TRUE(topology) << topology.error().message;
  EXPECT_EQ(topology->experts, 0);
  EXPECT_TRUE(topology->moe_layers.empty());
  EXPECT_EQ(topology->expert_bytes, 0U);
}

TEST(Topology, ReadsFiguresThatDifferByLayer) {
  Builder builder;
  builder.text("general.architecture", "x").number("x.block_count", 3).number("x.embedding_length", 64);
  builder.numbers("x.attention.head_count", {8, 8, 8}).numbers("x.attention.head_count_kv", {0, 4, 2});
  builder.number("x.attention.key_length", 8).number("x.attention.value_length", 4);
  builder.number("x.attention.sliding_window", 128);
  const auto topology = gguf::topology(*parse_bytes(builder.bytes()));
  ASSERT_TRUE(topology) << topology.error().message;
  EXPECT_EQ(topology->heads_kv, 4);
  EXPECT_EQ(topology->kv_bytes_per_token, (4U + 2) * (8 + 4) * 2);
  EXPECT_EQ(topology->sliding_window, 128U);
}

TEST(Topology, LatentAttentionCachesTheKeyAlone) {
  Builder builder;
  builder.text("general.architecture", "deepseek2").number("deepseek2.block_count", 2);
  builder.number("deepseek2.embedding_length", 64).number("deepseek2.attention.head_count", 16);
  builder.number("deepseek2.attention.head_count_kv", 1).number("deepseek2.attention.key_length", 576);
  builder.number("deepseek2.attention.value_length", 512).number("deepseek2.attention.key_length_mla", 192);
  const auto topology = gguf::topology(*parse_bytes(builder.bytes()));
  ASSERT_TRUE(topology) << topology.error().message;
  EXPECT_EQ(topology->kv_bytes_per_token, 2U * 576 * 2);
}

TEST(Topology, SharedExpertsWithoutACountAreOne) {
  Builder builder = mixtral_like();
  builder.tensor("blk.1.ffn_up_shexp.weight", {64, 32}, 1);
  const auto topology = gguf::topology(*parse_bytes(builder.bytes()));
  ASSERT_TRUE(topology);
  EXPECT_EQ(topology->experts_shared, 1);
  EXPECT_EQ(topology->shared_expert_bytes, 4096U);
}

std::string topology_error(const Builder& builder) {
  const auto file = parse_bytes(builder.bytes());
  EXPECT_TRUE(file) << file.error().message;
  const auto topology = gguf::topology(*file);
  EXPECT_FALSE(topology.has_value());
  return topology ? "" : topology.error().message;
}

TEST(Topology, RefusesContradictions) {
  EXPECT_THAT(topology_error(Builder().number("x", 1)), HasSubstr("general.architecture is missing"));
  EXPECT_THAT(topology_error(Builder().text("general.architecture", "x")), HasSubstr("x.block_count"));
  EXPECT_THAT(topology_error(Builder()
                                 .text("general.architecture", "x")
                                 .number("x.block_count", 0)
                                 .number("x.embedding_length", 1)),
              HasSubstr("0 layers"));
  EXPECT_THAT(topology_error(Builder().text("general.architecture", "x").number("x.block_count", 1U << 30)),
              HasSubstr("1073741824 layers"));
  EXPECT_THAT(topology_error(mixtral_like().number("split.count", 3)), HasSubstr("one of 3 parts"));
  EXPECT_THAT(topology_error(mixtral_like().tensor("blk.0.ffn_up_exps.weight", {64, 32, 4}, 1)),
              HasSubstr("holds 4 experts, but expert_count is 8"));
  EXPECT_THAT(topology_error(mixtral_like().tensor("blk.9.ffn_up_exps.weight", {64, 32, 8}, 1)),
              HasSubstr("experts in layer 9"));
  Builder used;
  used.text("general.architecture", "x").number("x.block_count", 1).number("x.embedding_length", 1);
  EXPECT_THAT(topology_error(Builder(used).number("x.expert_count", 4)),
              HasSubstr("expert_used_count is missing"));
  EXPECT_THAT(topology_error(Builder(used).number("x.expert_count", 4).number("x.expert_used_count", 5)),
              HasSubstr("5 experts used"));
  EXPECT_THAT(topology_error(Builder(used).numbers("x.attention.head_count_kv", {1, 2})),
              HasSubstr("head_count_kv"));
  EXPECT_THAT(topology_error(Builder(used)
                                 .number("x.attention.head_count", 0x7FFFFFFF)
                                 .number("x.attention.key_length", 0x7FFFFFFF)),
              HasSubstr("no model has"));
}

TEST(TensorGroup, IsToldByName) {
  EXPECT_EQ(tensor_group("blk.3.ffn_gate_up_exps.weight"), TensorGroup::RoutedExpert);
  EXPECT_EQ(tensor_group("blk.3.ffn_down_exps.bias"), TensorGroup::RoutedExpert);
  EXPECT_EQ(tensor_group("blk.3.ffn_down_shexp.weight"), TensorGroup::SharedExpert);
  EXPECT_EQ(tensor_group("blk.3.ffn_gate_inp.weight"), TensorGroup::Router);
  EXPECT_EQ(tensor_group("blk.3.exp_probs_b.bias"), TensorGroup::Router);
  EXPECT_EQ(tensor_group("blk.3.ffn_up.weight"), TensorGroup::Other);
  EXPECT_EQ(tensor_group("token_embd.weight"), TensorGroup::Input);
  EXPECT_EQ(tensor_group("output.weight"), TensorGroup::Other);
  EXPECT_EQ(tensor_layer("blk.12.attn_q.weight"), 12);
  for (const char* name : {"output.weight", "blk.", "blk.x.y", "blk.1", "blk.-1.y", "blk.99999999999.y"})
    EXPECT_EQ(tensor_layer(name), -1) << name;
}

}  // namespace
}  // namespace moestress::gguf
