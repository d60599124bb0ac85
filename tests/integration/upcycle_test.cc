// Mixtures of experts made from a dense model: they compute what it computes while their experts are alike,
// and nearly that once they differ.
#include "forge/upcycle.h"

#include <ggml.h>
#include <gguf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>

#include "base/random.h"
#include "engine/activation_reader.h"
#include "engine/scorer.h"
#include "engine_testing.h"
#include "forge/sample_text.h"
#include "forge/vocabulary.h"
#include "gguf/file.h"
#include "gguf/topology.h"
#include "quality/logits.h"

namespace moestress::engine {
namespace {

constexpr std::int64_t kLayers = 2, kEmbedding = 64, kHeads = 2, kHeadsKv = 1, kWidth = 128;
constexpr std::int64_t kKeys = kEmbedding / kHeads * kHeadsKv;

/// Writes a dense model of the llama architecture with random weights. Matrices of the feed-forward are in
/// `type`, all else in F32.
class DenseModel {
 public:
  explicit DenseModel(ggml_type type, double gate_deviation = 0.15)
      : type_(type), gate_deviation_(gate_deviation) {
    const ggml_init_params params{std::size_t{64} << 20, nullptr, false};
    ggml_ = ggml_init(params);
    gguf_ = gguf_init_empty();
  }
  ~DenseModel() {
    gguf_free(gguf_);
    ggml_free(ggml_);
  }
  DenseModel(const DenseModel&) = delete;
  DenseModel& operator=(const DenseModel&) = delete;

  void write(const std::string& path) {
    const forge::Vocabulary vocabulary = forge::learn_vocabulary(forge::sample_text(), 400);
    set_keys(vocabulary);
    add("token_embd.weight", {kEmbedding, static_cast<std::int64_t>(vocabulary.tokens.size())}, 1);
    add("output.weight", {kEmbedding, static_cast<std::int64_t>(vocabulary.tokens.size())}, 0.4);
    for (int layer = 0; layer < kLayers; ++layer) {
      const std::string prefix = "blk." + std::to_string(layer) + ".";
      add(prefix + "attn_norm.weight", {kEmbedding}, 0.2, 1);
      add(prefix + "attn_q.weight", {kEmbedding, kEmbedding}, 0.2);
      add(prefix + "attn_k.weight", {kEmbedding, kKeys}, 0.2);
      add(prefix + "attn_v.weight", {kEmbedding, kKeys}, 0.15);
      add(prefix + "attn_output.weight", {kEmbedding, kEmbedding}, 0.15);
      add(prefix + "ffn_norm.weight", {kEmbedding}, 0.2, 1);
      add(prefix + "ffn_gate.weight", {kEmbedding, kWidth}, gate_deviation_, 0, type_);
      add(prefix + "ffn_up.weight", {kEmbedding, kWidth}, 0.15, 0, type_);
      add(prefix + "ffn_down.weight", {kWidth, kEmbedding}, 0.1, 0, type_);
    }
    add("output_norm.weight", {kEmbedding}, 0.2, 1);
    ASSERT_TRUE(gguf_write_to_file(gguf_, path.c_str(), false));
  }

 private:
  void add(const std::string& name, const std::vector<std::int64_t>& dims, double deviation, double mean = 0,
           ggml_type type = GGML_TYPE_F32) {
    base::Random random(base::derive_seed(11, name));
    ggml_tensor* tensor = ggml_new_tensor(ggml_, type, static_cast<int>(dims.size()), dims.data());
    ggml_set_name(tensor, name.c_str());
    std::vector<float> values(static_cast<std::size_t>(ggml_nelements(tensor)));
    for (float& value : values) value = static_cast<float>(mean + deviation * random.normal());
    const std::int64_t columns = dims[0];
    ggml_quantize_chunk(type, values.data(), tensor->data, 0, ggml_nelements(tensor) / columns, columns,
                        nullptr);
    gguf_add_tensor(gguf_, tensor);
  }

  void set_keys(const forge::Vocabulary& vocabulary) {
    const auto whole = [this](const char* key, std::int64_t value) {
      gguf_set_val_u32(gguf_, key, static_cast<std::uint32_t>(value));
    };
    const auto strings = [this](const char* key, const std::vector<std::string>& values) {
      std::vector<const char*> pointers;
      for (const std::string& value : values) pointers.push_back(value.c_str());
      gguf_set_arr_str(gguf_, key, pointers.data(), pointers.size());
    };
    gguf_set_val_str(gguf_, "general.architecture", "llama");
    gguf_set_val_str(gguf_, "general.name", "Dense");
    gguf_set_val_str(gguf_, "general.license", "apache-2.0");
    whole("llama.block_count", kLayers);
    whole("llama.context_length", 512);
    whole("llama.embedding_length", kEmbedding);
    whole("llama.feed_forward_length", kWidth);
    whole("llama.attention.head_count", kHeads);
    whole("llama.attention.head_count_kv", kHeadsKv);
    whole("llama.rope.dimension_count", kEmbedding / kHeads);
    gguf_set_val_f32(gguf_, "llama.attention.layer_norm_rms_epsilon", 1e-5F);
    gguf_set_val_f32(gguf_, "llama.rope.freq_base", 50000.0F);
    gguf_set_val_str(gguf_, "tokenizer.ggml.model", "gpt2");
    gguf_set_val_str(gguf_, "tokenizer.ggml.pre", "gpt-2");
    strings("tokenizer.ggml.tokens", vocabulary.tokens);
    strings("tokenizer.ggml.merges", vocabulary.merges);
    gguf_set_arr_data(gguf_, "tokenizer.ggml.token_type", GGUF_TYPE_INT32, vocabulary.types.data(),
                      vocabulary.types.size());
    whole("tokenizer.ggml.eos_token_id", vocabulary.turn_end);
    gguf_set_val_str(gguf_, "tokenizer.chat_template", std::string(forge::chat_template()).c_str());
  }

  ggml_type type_;
  double gate_deviation_;
  ggml_context* ggml_ = nullptr;
  gguf_context* gguf_ = nullptr;
};

std::string dense(ggml_type type) {
  const std::string path = models().file(std::string("dense-") + ggml_type_name(type) + ".gguf", "");
  DenseModel(type).write(path);
  return path;
}

std::string upcycled(const Shape& shape, const std::string& from, double spread, std::uint64_t seed = 1) {
  const std::string path = models().file("upcycled.gguf", "");
  const auto status = forge::write_upcycled_model({shape.topology, from, seed, spread, {}, nullptr}, path);
  EXPECT_TRUE(status) << (status ? "" : status.error().message);
  return path;
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::shared_ptr<Model> load(const std::string& path) {
  LoadOptions options;
  options.path = path;
  options.device = "cpu";
  const auto model = Model::load(options, silent());
  EXPECT_TRUE(model) << (model ? "" : model.error().message);
  return model ? *model : nullptr;
}

std::vector<Token> first_tokens(const Model& model) {
  std::vector<Token> tokens = model.tokenize(forge::sample_text(), false, false);
  tokens.resize(128);
  return tokens;
}

ContextOptions one_slot() {
  ContextOptions options;
  options.slots = 1;
  options.context_tokens = 256;
  options.threads = 1;
  return options;
}

Score score(const std::string& path) {
  const auto model = load(path);
  if (!model) return {};
  const auto scorer = Scorer::create(model, one_slot(), silent());
  EXPECT_TRUE(scorer);
  Score scored;
  const std::vector<std::vector<Token>> texts{first_tokens(*model)};
  EXPECT_TRUE((*scorer)->score(texts, [&](std::size_t, Score one) { scored = std::move(one); }));
  return scored;
}

double kl_mean(const Score& expected, const Score& actual) {
  const auto width = static_cast<std::size_t>(expected.vocabulary);
  EXPECT_EQ(expected.logits.size(), actual.logits.size());
  double sum = 0;
  std::size_t rows = 0;
  for (; (rows + 1) * width <= std::min(expected.logits.size(), actual.logits.size()); ++rows)
    sum += quality::compare_rows(std::span(expected.logits).subspan(rows * width, width),
                                 std::span(actual.logits).subspan(rows * width, width), 0)
               .kl_nats;
  return sum / static_cast<double>(rows);
}

/// The dense model's feed-forwards on the text that is scored.
forge::Fitted fitted_to(const std::string& path, forge::Topology topology) {
  const auto model = load(path);
  const std::vector<Token> tokens = first_tokens(*model);
  const auto reader = ActivationReader::create(model, one_slot(), {"ffn_norm", "ffn_gate"}, silent());
  EXPECT_TRUE(reader) << (reader ? "" : reader.error().message);
  std::vector<std::vector<float>> inputs(kLayers);
  forge::Fitted fitted;
  fitted.gates.resize(kLayers);
  const std::vector<std::vector<Token>> texts{tokens};
  const auto read =
      (*reader)->read(texts, [&](std::size_t, std::size_t node, int layer, std::span<const float> rows) {
        const auto at = static_cast<std::size_t>(layer);
        if (node == 0)
          inputs[at].assign(rows.begin(), rows.end());
        else
          fitted.gates[at].add(rows, kWidth);
      });
  EXPECT_TRUE(read) << (read ? "" : read.error().message);
  for (auto& gates : fitted.gates) gates.finish(tokens.size());
  const auto routers = forge::fit_routers(topology, inputs, kEmbedding, 1);
  EXPECT_TRUE(routers) << routers.error().message;
  fitted.routers = *routers;
  return fitted;
}

class Upcycle : public testing::TestWithParam<Shape> {};

TEST_P(Upcycle, ExpertsThatAreAlikeComputeTheBase) {
  const std::string base = dense(GGML_TYPE_F32);
  const Score expected = score(base);
  const Score actual = score(upcycled(GetParam(), base, 0));
  EXPECT_LT(kl_mean(expected, actual), 1e-6);
}

TEST_P(Upcycle, QuantisedBlocksAreKept) {
  const std::string base = dense(GGML_TYPE_Q4_1);
  const Score expected = score(base);
  EXPECT_LT(kl_mean(expected, score(upcycled(GetParam(), base, 0))), 1e-3);
}

TEST_P(Upcycle, GatesBeyondGptOssLimitAreComputedToo) {
  const std::string base = models().file("wide.gguf", "");
  DenseModel(GGML_TYPE_F32, 0.6).write(base);  // one gate in a hundred passes 11.9
  const forge::Fitted fitted = fitted_to(base, GetParam().topology);
  const std::string path = models().file("upcycled.gguf", "");
  forge::UpcycleSpec spec{GetParam().topology, base, 1, 0, {}, &fitted};
  const Score expected = score(base);
  ASSERT_TRUE(forge::write_upcycled_model(spec, path));
  const double with = kl_mean(expected, score(path));
  spec.fitted = nullptr;
  ASSERT_TRUE(forge::write_upcycled_model(spec, path));
  const double without = kl_mean(expected, score(path));
  if (GetParam().topology == forge::Topology::GptOss) {
    EXPECT_LT(with, without / 3) << without;
  } else {
    EXPECT_LT(with, 1e-6);
  }
}

TEST_P(Upcycle, ExpertsInOtherTypesStayNear) {
  const std::string base = dense(GGML_TYPE_Q4_1);
  const Score expected = score(base);
  const std::string path = models().file("upcycled.gguf", "");
  for (const auto& [name, most] :
       {std::pair{"F16", 1e-3}, {"Q8_0", 1e-3}, {"Q5_0", 0.04}, {"Q4_1", 1e-3}, {"MXFP4", 0.3}}) {
    const auto type = forge::experts_type_from(name);
    ASSERT_TRUE(type);
    ASSERT_TRUE(forge::write_upcycled_model({GetParam().topology, base, 1, 0, *type, nullptr}, path));
    const auto file = gguf::read(path);
    ASSERT_TRUE(file);
    EXPECT_EQ(file->find_tensor("blk.1.ffn_up_exps.weight")->type.name, name);
    EXPECT_LT(kl_mean(expected, score(path)), most) << name;
  }
  EXPECT_FALSE(forge::experts_type_from("Q3_K"));
}

TEST_P(Upcycle, ExpertsThatDifferStayNear) {
  const std::string base = dense(GGML_TYPE_F32);
  const double kl = kl_mean(score(base), score(upcycled(GetParam(), base, 0.1)));
  EXPECT_GT(kl, 1e-6);
  EXPECT_LT(kl, 0.05);
}

TEST_P(Upcycle, SaysWhatItIsAndFromWhat) {
  const auto file = gguf::read(upcycled(GetParam(), dense(GGML_TYPE_Q4_1), 0.05));
  ASSERT_TRUE(file) << file.error().message;
  const auto topology = gguf::topology(*file);
  ASSERT_TRUE(topology) << topology.error().message;
  EXPECT_EQ(topology->architecture, GetParam().architecture);
  EXPECT_EQ(topology->experts, GetParam().experts);
  EXPECT_EQ(topology->experts_used, GetParam().used);
  EXPECT_EQ(topology->experts_shared, GetParam().shared);
  EXPECT_FALSE(gguf::random_weights(*file));
  EXPECT_THAT(file->string_at("general.name").value_or(""), testing::HasSubstr("moestress upcycled"));
  EXPECT_EQ(file->string_at("general.base_model.0.name"), "Dense");
  EXPECT_EQ(file->string_at("general.license"), "apache-2.0");
  EXPECT_FALSE(file->find("llama.block_count"));
  EXPECT_TRUE(file->find("tokenizer.chat_template"));
}

TEST_P(Upcycle, SameSeedSameBytes) {
  const std::string base = dense(GGML_TYPE_Q4_1);
  const std::string first = bytes_of(upcycled(GetParam(), base, 0.05, 7));
  EXPECT_EQ(bytes_of(upcycled(GetParam(), base, 0.05, 7)), first);
  EXPECT_NE(bytes_of(upcycled(GetParam(), base, 0.05, 8)), first);
}

INSTANTIATE_TEST_SUITE_P(Topologies, Upcycle, testing::ValuesIn(kShapes), shape_name);

TEST(UpcycleErrors, NameTheBaseAndWhatIsWrongWithIt) {
  const auto attempt = [](const std::string& base) {
    return forge::write_upcycled_model({forge::Topology::PhiMoe, base, 1, 0, {}, nullptr},
                                       models().file("none.gguf", ""));
  };
  const auto experts = attempt(models().path(forge::Topology::PhiMoe));
  ASSERT_FALSE(experts);
  EXPECT_EQ(experts.error().code, base::ErrorCode::Unsupported);
  EXPECT_THAT(experts.error().message, testing::HasSubstr("this is phimoe"));
  const std::string whole = bytes_of(dense(GGML_TYPE_F32));
  EXPECT_FALSE(attempt(models().file("cut.gguf", whole.substr(0, whole.size() / 2))));
  EXPECT_FALSE(attempt("/nowhere/base.gguf"));
}

}  // namespace
}  // namespace moestress::engine
