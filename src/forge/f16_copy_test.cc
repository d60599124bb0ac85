#include "forge/f16_copy.h"

#include <ggml.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "forge/random_model.h"
#include "forge/temporary_folder_testing.h"
#include "forge/weight_blocks.h"
#include "gguf/file.h"

namespace moestress::forge {
namespace {

std::vector<float> values(const gguf::File& file, const gguf::Tensor& tensor) {
  std::vector<char> bytes(tensor.bytes);
  std::ifstream stream(file.path, std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(tensor.offset));
  stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  EXPECT_TRUE(stream);
  return values_of(tensor.type.id, bytes);
}

TEST(F16Copy, HoldsTheSameValues) {
  const TemporaryFolder folder;
  const std::string from = folder.file("model.gguf"), to = folder.file("f16.gguf");
  ASSERT_TRUE(write_random_model({Topology::GptOss, Size::Tiny, 1}, from));
  const auto status = write_f16_copy(from, to);
  ASSERT_TRUE(status) << status.error().message;
  const auto model = gguf::read(from), copy = gguf::read(to);
  ASSERT_TRUE(model && copy);
  EXPECT_EQ(copy->string_at("general.name"), *model->string_at("general.name") + ", weights in F16");
  ASSERT_EQ(copy->tensors.size(), model->tensors.size());
  int converted = 0;
  for (const auto& tensor : model->tensors) {
    const gguf::Tensor* other = copy->find_tensor(tensor.name);
    ASSERT_TRUE(other != nullptr && other->dims == tensor.dims) << tensor.name;
    converted += other->type.id != tensor.type.id ? 1 : 0;
    EXPECT_TRUE(other->type.id == GGML_TYPE_F16 || other->type.id == GGML_TYPE_F32) << tensor.name;
    const auto expected = values(*model, tensor), actual = values(*copy, *other);
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i)
      ASSERT_NEAR(actual[i], expected[i], std::abs(expected[i]) / 2048 + 1e-7) << tensor.name;
  }
  EXPECT_GT(converted, 0);
}

}  // namespace
}  // namespace moestress::forge
