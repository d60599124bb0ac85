#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace moestress::probe {

/// One GPU at one instant as NVML sees it. A failed call leaves its field absent.
struct GpuFigures {
  int index = 0;  ///< NVML's, by PCI bus; CUDA may number them in another order
  std::string name;
  int memory_version =
      0;  ///< of the call that answered: 2 splits reserved from used, 1 does not; 0: none did
  std::optional<std::int64_t> total_bytes;
  std::optional<std::int64_t> reserved_bytes;  ///< version 2 only
  std::optional<std::int64_t> used_bytes;      ///< version 1 includes what is reserved
  std::optional<double> utilisation;           ///< 0..1
  std::optional<double> power_watts;
  std::optional<double> energy_joules;  ///< since the driver was loaded
  /// Memory by process; absent where the driver does not tell (in containers, or MIG). Lacks managed memory.
  std::optional<std::vector<std::pair<int, std::int64_t>>> process_bytes;
};

/// NVIDIA's management library, opened at run time. One owner, one thread.
class Nvml {
 public:
  /// Errors: Unsupported (no such library, no driver, or no GPU; the text names which and the remedy).
  static base::Result<std::unique_ptr<Nvml>> open(const std::string& library = "libnvidia-ml.so.1");
  ~Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  std::string driver_version() const;  ///< empty if unknown
  int count() const;
  /// A GPU that is lost gives figures with nothing but its index.
  GpuFigures read(int index) const;

 private:
  Nvml();
  class Library;
  std::unique_ptr<Library> library_;
};

}  // namespace moestress::probe
