#include "engine/physical_cores.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <thread>

namespace moestress::engine {

int physical_cores(const std::string& cpu_folder) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  }
  // CPUs of one core have the same list of siblings. One without a list counts as a core of its own.
  std::set<std::string> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    std::ifstream file(fmt::format("{}/cpu{}/topology/thread_siblings_list", cpu_folder, cpu));
    std::string siblings;
    if (!std::getline(file, siblings) || siblings.empty()) siblings = fmt::format("cpu{}", cpu);
    cores.insert(siblings);
  }
  return std::max(1, static_cast<int>(cores.size()));
}

}  // namespace moestress::engine
