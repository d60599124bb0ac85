#pragma once

// What the tests of this module share.

#include <filesystem>
#include <string>

namespace moestress::probe {

/// A recorded machine of tests/fixtures/proc: "gh200" or "old_server"; `part` is "proc", "sys" or
/// "os-release".
std::string recorded(const std::string& machine, const std::string& part);

/// The library that answers as NVML does (fake_nvml.cc).
std::string fake_nvml();

/// Chooses what is wrong with fake_nvml(), for the time of its life.
class FakeNvmlFault {
 public:
  explicit FakeNvmlFault(const char* fault);
  ~FakeNvmlFault();
};

/// A copy of a recorded machine that a test may change; gone with it.
class RecordedCopy {
 public:
  explicit RecordedCopy(const std::string& machine);
  ~RecordedCopy();
  std::string path(const std::string& part) const { return (folder_ / part).string(); }
  void write(const std::string& part, const std::string& text) const;
  void remove(const std::string& part) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace moestress::probe
