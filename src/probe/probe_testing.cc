#include "probe/probe_testing.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "base/check.h"

namespace moestress::probe {

namespace fs = std::filesystem;

std::string recorded(const std::string& machine, const std::string& part) {
  return std::string(MOESTRESS_SOURCE_DIR) + "/tests/fixtures/proc/" + machine + "/" + part;
}

std::string fake_nvml() { return std::string(MOESTRESS_BINARY_DIR) + "/src/probe/libfake_nvml.so"; }

FakeNvmlFault::FakeNvmlFault(const char* fault) { ::setenv("MOESTRESS_FAKE_NVML", fault, 1); }
FakeNvmlFault::~FakeNvmlFault() { ::unsetenv("MOESTRESS_FAKE_NVML"); }

RecordedCopy::RecordedCopy(const std::string& machine) {
  std::string name = (fs::temp_directory_path() / "moestress-probe-test-XXXXXX").string();
  CHECK(::mkdtemp(name.data()) != nullptr);
  folder_ = name;
  fs::copy(recorded(machine, ""), folder_, fs::copy_options::recursive);
}

RecordedCopy::~RecordedCopy() { fs::remove_all(folder_); }

void RecordedCopy::write(const std::string& part, const std::string& text) const {
  fs::create_directories((folder_ / part).parent_path());
  std::ofstream(folder_ / part) << text;
}

void RecordedCopy::remove(const std::string& part) const { CHECK(fs::remove_all(folder_ / part) > 0); }

}  // namespace moestress::probe
