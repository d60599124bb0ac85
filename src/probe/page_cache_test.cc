#include "probe/page_cache.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace moestress::probe {
namespace {

using ::testing::HasSubstr;

class PageCache : public ::testing::Test {
 protected:
  PageCache() {
    std::string name = (std::filesystem::temp_directory_path() / "moestress-page-cache-XXXXXX").string();
    fd_ = ::mkstemp(name.data());
    path_ = name;
  }
  ~PageCache() override {
    ::close(fd_);
    std::filesystem::remove(path_);
  }
  void write(std::size_t bytes) {
    const std::string text(bytes, 'x');
    ASSERT_EQ(::pwrite(fd_, text.data(), bytes, 0), static_cast<ssize_t>(bytes));
    ASSERT_EQ(::fsync(fd_), 0);
  }

  int fd_ = -1;
  std::string path_;
};

TEST_F(PageCache, AFileJustWrittenIsResidentToItsLastByte) {
  write((1u << 20) + 100);
  const auto residency = page_cache_residency(path_);
  ASSERT_TRUE(residency) << residency.error().message;
  EXPECT_EQ(residency->file_bytes, (1 << 20) + 100);
  EXPECT_EQ(residency->resident_bytes, residency->file_bytes);
}

TEST_F(PageCache, AFileThatWasDroppedIsNot) {
  write(8u << 20);
  struct statfs info {};
  ASSERT_EQ(::fstatfs(fd_, &info), 0);
  if (info.f_type == TMPFS_MAGIC || info.f_type == OVERLAYFS_SUPER_MAGIC)
    GTEST_SKIP() << "this file system keeps its pages";
  ASSERT_EQ(::posix_fadvise(fd_, 0, 0, POSIX_FADV_DONTNEED), 0);
  const auto residency = page_cache_residency(path_);
  ASSERT_TRUE(residency);
  EXPECT_LT(residency->resident_bytes, residency->file_bytes / 2);
}

TEST_F(PageCache, AnEmptyFileHasNothing) {
  const auto residency = page_cache_residency(path_);
  ASSERT_TRUE(residency);
  EXPECT_EQ(residency->file_bytes, 0);
  EXPECT_EQ(residency->resident_bytes, 0);
}

TEST_F(PageCache, WhatIsNoFileIsRefused) {
  EXPECT_EQ(page_cache_residency("/none/such").error().code, base::ErrorCode::Io);
  EXPECT_THAT(page_cache_residency("/").error().message, HasSubstr("is not a file"));
}

TEST_F(PageCache, AnothersFileIsNotGuessedAt) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become somebody else";
  write(4096);
  ASSERT_EQ(::fchmod(fd_, 0444), 0);
  ASSERT_EQ(::seteuid(65534), 0);
  const auto residency = page_cache_residency(path_);
  ASSERT_EQ(::seteuid(0), 0);
  ASSERT_FALSE(residency);
  EXPECT_EQ(residency.error().code, base::ErrorCode::Unsupported);
}

}  // namespace
}  // namespace moestress::probe
