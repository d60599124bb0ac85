#include "server/trace_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace moestress::server {
namespace {

class TraceFile : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }
  std::string read() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void write(const std::string& bytes) const {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
  }
  void append(const TracedRequest& request) const {
    auto writer = TraceWriter::open(path_);
    ASSERT_TRUE(writer.has_value()) << writer.error().message;
    const auto status = writer->append(request);
    ASSERT_TRUE(status.has_value()) << status.error().message;
  }
  std::string path_ = ::testing::TempDir() + "trace-" + std::to_string(::getpid()) + "-" +
                      ::testing::UnitTest::GetInstance()->current_test_info()->name();
};

TracedRequest a_request(const std::string& id) {
  TracedRequest request{.id = id, .ended_unix_ms = 1700000000123, .prompt_tokens = 2, .tokens = {5, 6, 7}};
  request.routing = {.layers = {1, 2},
                     .experts = 8,
                     .k = 2,
                     .tokens = 2,
                     .ids = {0, 1, 2, 3, 4, 5, record::RoutingTrace::kAbsent, record::RoutingTrace::kAbsent},
                     .weights = {0.5F, 0.5F, 0.75F, 0.25F, 1, 0, 0, 0}};
  return request;
}

TEST_F(TraceFile, GivesBackWhatWasAppended) {
  append(a_request("one"));
  append(a_request("two"));
  auto reader = TraceReader::open(path_);
  ASSERT_TRUE(reader.has_value()) << reader.error().message;
  const auto first = reader->next();
  ASSERT_TRUE(first.has_value() && first->has_value());
  EXPECT_EQ((*first)->id, "one");
  EXPECT_EQ((*first)->ended_unix_ms, 1700000000123);
  EXPECT_EQ((*first)->prompt_tokens, 2U);
  EXPECT_EQ((*first)->tokens, (std::vector<std::int32_t>{5, 6, 7}));
  EXPECT_EQ((*first)->routing.layers, (std::vector<int>{1, 2}));
  EXPECT_EQ((*first)->routing.ids, a_request("").routing.ids);
  EXPECT_EQ((*first)->routing.weights, a_request("").routing.weights);
  EXPECT_FALSE((*first)->routing.present(1, 1));
  const auto second = reader->next();
  ASSERT_TRUE(second.has_value() && second->has_value());
  EXPECT_EQ((*second)->id, "two");
  const auto end = reader->next();
  ASSERT_TRUE(end.has_value());
  EXPECT_FALSE(end->has_value());
  append(a_request("three"));
  EXPECT_TRUE(reader->next().value().has_value()) << "a reader follows a file that grows";
}

TEST_F(TraceFile, IsForItsOwnerOnly) {
  append(a_request("one"));
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(TraceFile, DropsHalfAFrameAndGoesOn) {
  append(a_request("one"));
  const std::string whole = read();
  for (const std::size_t cut : {whole.size() - 1, whole.size() - 40, std::size_t{12}}) {
    write(whole.substr(0, cut));
    auto reader = TraceReader::open(path_);
    ASSERT_TRUE(reader.has_value());
    const auto none = reader->next();
    ASSERT_TRUE(none.has_value()) << none.error().message;
    EXPECT_FALSE(none->has_value());
    append(a_request("again"));
    const auto frame = reader->next();
    ASSERT_TRUE(frame.has_value() && frame->has_value());
    EXPECT_EQ((*frame)->id, "again");
  }
}

TEST_F(TraceFile, RefusesEveryDamagedByte) {
  append(a_request("one"));
  const std::string whole = read();
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x55);
    write(damaged);
    auto reader = TraceReader::open(path_);
    if (!reader) continue;
    const auto frame = reader->next();
    // A damaged length may look like a frame that is not whole yet; nothing wrong is ever given out.
    EXPECT_TRUE(!frame.has_value() || !frame->has_value()) << "byte " << i;
  }
}

TEST_F(TraceFile, LeavesOtherFilesAlone) {
  write("a letter to a friend");
  EXPECT_FALSE(TraceReader::open(path_).has_value());
  const auto writer = TraceWriter::open(path_);
  ASSERT_FALSE(writer.has_value());
  EXPECT_EQ(writer.error().code, base::ErrorCode::Format);
  EXPECT_EQ(read(), "a letter to a friend");
  EXPECT_FALSE(TraceReader::open(path_ + "-absent").has_value());
  EXPECT_FALSE(TraceWriter::open("/dev/null").has_value());
  EXPECT_FALSE(TraceWriter::open("/").has_value());
}

}  // namespace
}  // namespace moestress::server
