#include "plan/placement.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace moestress::plan {
namespace {

using record::ExpertPlacement;

/// A file that is gone when the test is over.
class PlacementFile {
 public:
  explicit PlacementFile(const std::string& text)
      : path_(std::filesystem::temp_directory_path() /
              ("moestress-placement-" + std::to_string(::getpid()))) {
    std::ofstream(path_, std::ios::binary) << text;
  }
  ~PlacementFile() { std::filesystem::remove(path_); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

base::Error error_of(const std::string& json) {
  const PlacementFile file(json);
  const auto placement = parse_placement(file.path());
  EXPECT_FALSE(placement.has_value()) << json;
  return placement ? base::Error{} : placement.error();
}

TEST(Placement, NamesAllOrNothing) {
  const auto cpu = parse_placement("cpu");
  ASSERT_TRUE(cpu);
  EXPECT_TRUE(cpu->on_cpu(0));
  EXPECT_TRUE(cpu->on_cpu(99));
  const auto gpu = parse_placement("gpu");
  ASSERT_TRUE(gpu);
  EXPECT_FALSE(gpu->on_cpu(0));
  EXPECT_EQ(gpu->name, "gpu");
}

TEST(Placement, NamesTheFirstLayers) {
  const auto placement = parse_placement("first:4");
  ASSERT_TRUE(placement);
  EXPECT_EQ(placement->name, "first:4");
  EXPECT_TRUE(placement->on_cpu(3));
  EXPECT_FALSE(placement->on_cpu(4));
  const auto none = parse_placement("first:0");
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->on_cpu(0));
}

TEST(Placement, RefusesNumbersThatAreNone) {
  for (const char* text :
       {"first:", "first:-1", "first:4x", "first: 4", "first:99999999999999999999", "first:10001"}) {
    const auto placement = parse_placement(text);
    ASSERT_FALSE(placement) << text;
    EXPECT_EQ(placement.error().code, base::ErrorCode::Usage) << text;
    EXPECT_NE(placement.error().message.find(text), std::string::npos) << placement.error().message;
  }
}

TEST(Placement, ReadsListedLayersInAnyOrder) {
  const PlacementFile file(R"({"cpu_layers":[5,0,1]})");
  const auto placement = parse_placement(file.path());
  ASSERT_TRUE(placement) << placement.error().message;
  EXPECT_EQ(placement->kind, ExpertPlacement::Kind::Listed);
  EXPECT_EQ(placement->cpu_layers, (std::vector<int>{0, 1, 5}));
  EXPECT_EQ(placement->name, file.path());
  EXPECT_TRUE(placement->on_cpu(5));
  EXPECT_FALSE(placement->on_cpu(2));
}

TEST(Placement, AnEmptyListIsEverythingOnTheDevice) {
  const PlacementFile file(R"({"cpu_layers":[]})");
  const auto placement = parse_placement(file.path());
  ASSERT_TRUE(placement);
  EXPECT_FALSE(placement->on_cpu(0));
}

TEST(Placement, RefusesFilesThatAreNoPlacement) {
  for (const char* json : {"", "[0,1]", "{", "{}", R"({"cpu_layers":3})", R"({"cpu_layers":[0.5]})",
                           R"({"cpu_layers":[-1]})", R"({"cpu_layers":[10000]})", R"({"cpu_layers":["0"]})",
                           R"({"cpu_layers":[[0]]})", R"({"cpu_layers":[1e400]})", "\xff\xfe"}) {
    EXPECT_EQ(error_of(json).code, base::ErrorCode::Format) << json;
  }
  EXPECT_NE(error_of(R"({"cpu_layers":[1],"gpu_layers":[2]})").message.find("gpu_layers"), std::string::npos);
  EXPECT_NE(error_of(R"({"cpu_layers":[7,3,7]})").message.find("layer 7 is listed twice"), std::string::npos);
}

TEST(Placement, RefusesDeepAndLongFiles) {
  EXPECT_EQ(error_of(R"({"cpu_layers":)" + std::string(100000, '[') + std::string(100000, ']') + "}").code,
            base::ErrorCode::Format);
  EXPECT_NE(error_of(std::string((1 << 20) + 1, ' ')).message.find("longer than"), std::string::npos);
}

TEST(Placement, ListsTheFormsWhereThereIsNoSuchFile) {
  const auto placement = parse_placement("/nowhere/gpuu");
  ASSERT_FALSE(placement);
  EXPECT_EQ(placement.error().code, base::ErrorCode::Usage);
  EXPECT_NE(placement.error().message.find("first:N"), std::string::npos);
  EXPECT_EQ(parse_placement("").error().code, base::ErrorCode::Usage);
}

}  // namespace
}  // namespace moestress::plan
