#include "forge/fault.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>

#include "forge/random_model.h"
#include "forge/temporary_folder_testing.h"
#include "forge/weight_blocks.h"
#include "gguf/file.h"

namespace moestress::forge {
namespace {

using testing::HasSubstr;

class Fault : public testing::TestWithParam<Topology> {
 protected:
  void SetUp() override {
    const auto made = write_random_model({GetParam(), Size::Tiny, 1}, sound_);
    ASSERT_TRUE(made) << made.error().message;
    layer_ = GetParam() == Topology::DeepSeek ? 1 : 0;
  }

  void damage(FaultKind kind, int expert = 2) {
    const auto status = write_faulty_model({kind, layer_, expert, 5}, sound_, faulty_);
    ASSERT_TRUE(status) << status.error().message;
  }

  static std::vector<char> bytes_of(const std::string& path, const gguf::Tensor& tensor) {
    std::vector<char> bytes(tensor.bytes);
    std::ifstream file(path, std::ios::binary);
    file.seekg(static_cast<std::streamoff>(tensor.offset));
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    EXPECT_TRUE(file);
    return bytes;
  }

  /// Names of the tensors whose bytes differ.
  std::set<std::string> changed() const {
    const auto a = gguf::read(sound_), b = gguf::read(faulty_);
    EXPECT_TRUE(a && b);
    EXPECT_EQ(a->tensors.size(), b->tensors.size());
    std::set<std::string> names;
    for (const auto& tensor : a->tensors) {
      const gguf::Tensor* other = b->find_tensor(tensor.name);
      EXPECT_TRUE(other != nullptr && other->dims == tensor.dims && other->type.id == tensor.type.id);
      if (other != nullptr && bytes_of(sound_, tensor) != bytes_of(faulty_, *other))
        names.insert(tensor.name);
    }
    return names;
  }

  std::vector<float> values(const std::string& path, const std::string& name) const {
    const auto file = gguf::read(path);
    const gguf::Tensor* tensor = file->find_tensor(name);
    return values_of(tensor->type.id, bytes_of(path, *tensor));
  }
  static std::size_t experts() {
    return GetParam() == Topology::GptOss ? 32 : GetParam() == Topology::PhiMoe ? 16 : 64;
  }
  std::string routed(const char* matrix) const {
    return "blk." + std::to_string(layer_) + ".ffn_" + matrix + "_exps.weight";
  }

  TemporaryFolder folder_;
  std::string sound_ = folder_.file("sound.gguf"), faulty_ = folder_.file("faulty.gguf");
  int layer_ = 0;
};

TEST_P(Fault, IsMarked) {
  damage(FaultKind::ZeroExpert);
  const auto file = gguf::read(faulty_);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_THAT(file->string_at("general.name").value_or(""), HasSubstr("FAULTY"));
  EXPECT_THAT(file->string_at("moestress.fault").value_or(""), HasSubstr("expert 2 of layer"));
}

TEST_P(Fault, ZeroesOneExpert) {
  damage(FaultKind::ZeroExpert);
  const auto before = values(sound_, routed("up")), after = values(faulty_, routed("up"));
  const std::size_t slice = before.size() / experts();
  for (std::size_t i = 0; i < after.size(); ++i) EXPECT_EQ(after[i], i / slice == 2 ? 0 : before[i]);
}

TEST_P(Fault, SwapsTwoExperts) {
  damage(FaultKind::SwapExperts);
  const auto before = values(sound_, routed("down")), after = values(faulty_, routed("down"));
  const std::size_t slice = before.size() / experts();
  for (std::size_t i = 0; i < slice; ++i) {
    EXPECT_EQ(after[2 * slice + i], before[3 * slice + i]);
    EXPECT_EQ(after[3 * slice + i], before[2 * slice + i]);
    EXPECT_EQ(after[4 * slice + i], before[4 * slice + i]);
  }
}

TEST_P(Fault, ScalesOneExpert) {
  damage(FaultKind::ScaleExpert);
  const auto before = values(sound_, routed("gate")), after = values(faulty_, routed("gate"));
  double a = 0, b = 0;
  const std::size_t slice = before.size() / experts();
  for (std::size_t i = 2 * slice; i < 3 * slice; ++i) {
    a += std::abs(before[i]);
    b += std::abs(after[i]);
  }
  EXPECT_NEAR(b / a, 1.5, 0.15);  // MXFP4 has eight values to round to
  EXPECT_EQ(before[slice], after[slice]);
}

TEST_P(Fault, ShufflesOneRouter) {
  damage(FaultKind::ShuffleRouter);
  for (const auto& name : changed()) EXPECT_THAT(name, HasSubstr("ffn_gate_inp"));
  const std::string router = "blk." + std::to_string(layer_) + ".ffn_gate_inp.weight";
  const auto before = values(sound_, router), after = values(faulty_, router);
  const std::size_t row = before.size() / experts();
  for (std::size_t expert = 0; expert < experts(); ++expert)
    EXPECT_NE(before[expert * row], after[expert * row]);
  EXPECT_TRUE(std::is_permutation(before.begin(), before.end(), after.begin()));
}

TEST_P(Fault, RoundsTheExpertsOfOneLayer) {
  damage(FaultKind::TwoBitExperts);
  const auto names = changed();
  EXPECT_GE(names.size(), 3U);
  for (const auto& name : names) EXPECT_THAT(name, HasSubstr("blk." + std::to_string(layer_) + ".ffn_"));
  const auto after = values(faulty_, routed("up"));
  const std::set<float> levels(after.begin(), after.begin() + kBlockValues);
  EXPECT_LE(levels.size(), 4U);
}

TEST_P(Fault, CollapsesOneRouterOnTwoExperts) {
  damage(FaultKind::CollapseRouter);
  for (const auto& name : changed()) EXPECT_THAT(name, HasSubstr("ffn_gate_inp"));
  const std::string router = "blk." + std::to_string(layer_) + ".ffn_gate_inp.weight";
  const auto before = values(sound_, router), after = values(faulty_, router);
  const std::size_t row = before.size() / experts();
  for (std::size_t i = 0; i < after.size(); ++i) {
    const std::size_t expert = i / row;
    EXPECT_EQ(after[i], expert == 2 ? before[i] : expert == 3 ? -before[i - row] : 0.0F) << i;
  }
}

TEST_P(Fault, BlindsOneRouter) {
  damage(FaultKind::BlindRouter);
  const auto names = changed();
  EXPECT_FALSE(names.empty());
  for (const auto& name : names) {
    EXPECT_THAT(name, HasSubstr("blk." + std::to_string(layer_) + ".ffn_gate_inp"));
    for (const float value : values(faulty_, name)) EXPECT_EQ(value, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Topologies, Fault,
                         testing::Values(Topology::GptOss, Topology::PhiMoe, Topology::DeepSeek));

TEST(FaultErrors, NameWhatIsWrong) {
  const TemporaryFolder folder;
  const std::string model = folder.file("m.gguf"), out = folder.file("f.gguf");
  ASSERT_TRUE(write_random_model({Topology::DeepSeek, Size::Tiny, 1}, model));
  const auto error = [&](const FaultSpec& spec) {
    const auto status = write_faulty_model(spec, model, out);
    return status ? std::string() : status.error().message;
  };
  EXPECT_THAT(error({FaultKind::ZeroExpert, 0, 0, 1}), HasSubstr("layer 0 has no experts"));
  EXPECT_THAT(error({FaultKind::ZeroExpert, 1, 64, 1}), HasSubstr("must be 0 to 63"));
  EXPECT_THAT(error({FaultKind::SwapExperts, 1, 63, 1}), HasSubstr("must be 0 to 62"));
  EXPECT_THAT(error({FaultKind::CollapseRouter, 1, 63, 1}), HasSubstr("must be 0 to 62"));
  EXPECT_EQ(fault_from("blind-router"), FaultKind::BlindRouter);
  EXPECT_THAT(fault_from("zero").error().message, HasSubstr("zero-expert"));
}

}  // namespace
}  // namespace moestress::forge
