#pragma once

// What the tests of this module share.

#include <cstdint>
#include <filesystem>
#include <string>

#include "record/outcome.h"
#include "record/routing.h"
#include "store/run_info.h"

namespace moestress::store {

/// A folder of its own for one test, gone with it.
class TestFolder {
 public:
  TestFolder();
  ~TestFolder();
  std::string path(const std::string& name = "run") const { return (folder_ / name).string(); }

 private:
  std::filesystem::path folder_;
};

RunInfo example_info();
record::Outcome example_outcome(std::int64_t request);
record::RoutingTrace example_trace(std::size_t tokens);

}  // namespace moestress::store
