#include "forge/new_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <vector>

#include "forge/temporary_folder_testing.h"

namespace moestress::forge {
namespace {

using testing::HasSubstr;

TEST(NewFile, TakesItsNameOnlyWhenCommitted) {
  const TemporaryFolder folder;
  const std::string path = folder.file("a");
  auto file = NewFile::create(path);
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_TRUE(file->write("abc", 3));
  ASSERT_TRUE(file->pad(8));
  EXPECT_FALSE(std::filesystem::exists(path));
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(content_of(path), std::string("abc\0\0\0\0\0", 8));
  EXPECT_EQ(folder.files(), 1U);
}

TEST(NewFile, LeavesNothingBehindAndTheOldFileAlone) {
  const TemporaryFolder folder;
  std::ofstream(folder.file("a")) << "old";
  {
    auto file = NewFile::create(folder.file("a"));
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->write("new", 3));
    EXPECT_EQ(folder.files(), 2U);
  }
  EXPECT_EQ(content_of(folder.file("a")), "old");
  EXPECT_EQ(folder.files(), 1U);
}

TEST(NewFile, ReportsAFolderThatIsNotThere) {
  const auto file = NewFile::create("/nowhere/a.gguf");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, base::ErrorCode::Io);
  EXPECT_THAT(file.error().message, HasSubstr("/nowhere/a.gguf"));
  EXPECT_THAT(file.error().message, HasSubstr("No such file"));
}

TEST(NewFile, ReportsAWriteThatTheSystemRefuses) {
  const TemporaryFolder folder;
  // A limit on file sizes stands in for a full disk.
  rlimit old{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1 << 16, old.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  base::Status status;
  {
    auto file = NewFile::create(folder.file("a"));
    const std::vector<char> bytes(1 << 15);
    for (int i = 0; i < 3 && status; ++i) status = file->write(bytes.data(), bytes.size());
    if (status) status = file->commit();
  }
  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, old_handler);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, base::ErrorCode::Io);
  EXPECT_THAT(status.error().message, HasSubstr("File too large"));
  EXPECT_EQ(folder.files(), 0U);
}

TEST(NewFile, RemovesWhatItCannotRename) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.file("a"));
  {
    auto file = NewFile::create(folder.file("a"));
    ASSERT_TRUE(file);
    const auto status = file->commit();
    ASSERT_FALSE(status);
    EXPECT_THAT(status.error().message, HasSubstr("can't rename"));
  }
  EXPECT_EQ(folder.files(), 1U);
}

}  // namespace
}  // namespace moestress::forge
