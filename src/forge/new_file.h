#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "base/result.h"

namespace moestress::forge {

/// A file that takes its name only when it is whole: written beside it under a name of its own, which is
/// removed unless `commit` succeeds. Every error is Io and names the file, the call and how far it came. One
/// owner, one thread.
class NewFile {
 public:
  static base::Result<NewFile> create(const std::string& path);
  NewFile(NewFile&& other) noexcept;
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile();

  base::Status write(const void* data, std::size_t bytes);
  /// Writes zeros up to the next multiple of `alignment`.
  base::Status pad(std::size_t alignment);
  /// Gives the file its name, replacing what had it. The last call.
  base::Status commit();

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  explicit NewFile(const std::string& path);
  base::Status failed(const char* what) const;

  std::string path_;
  std::string partial_;  ///< empty when there is nothing to remove
  std::unique_ptr<std::FILE, Close> file_;
  std::uint64_t written_ = 0;
};

}  // namespace moestress::forge
