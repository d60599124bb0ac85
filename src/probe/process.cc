#include "probe/process.h"

#include <dirent.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

#include "probe/text_file.h"

namespace moestress::probe {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;
constexpr std::size_t kMembersMax = 4096;

bool is_dead(char state) { return state == 'Z' || state == 'X' || state == 'x'; }

/// The fields of /proc/PID/stat from the third on; the second, the program's name in parentheses, may itself
/// hold blanks and parentheses, so the last ')' ends it.
std::vector<std::string_view> stat_fields(std::string_view stat) {
  std::vector<std::string_view> fields;
  const auto close = stat.rfind(')');
  if (close == std::string_view::npos) return fields;
  stat.remove_prefix(close + 1);
  while (true) {
    stat = trimmed(stat);
    if (stat.empty()) return fields;
    const auto end = std::min(stat.find(' '), stat.size());
    fields.push_back(stat.substr(0, end));
    stat.remove_prefix(end);
  }
}

/// Parent, group, state, times: what stat alone tells.
std::optional<ProcessFigures> read_stat(int pid, const std::string& proc_root) {
  const auto stat = read_text_file(fmt::format("{}/{}/stat", proc_root, pid));
  if (!stat) return std::nullopt;
  const auto fields = stat_fields(*stat);
  // proc(5) numbers from 1; fields[0] is its number 3.
  constexpr std::size_t kState = 0, kParent = 1, kGroup = 2, kUserTime = 11, kStartTime = 19;
  if (fields.size() <= kStartTime || fields[kState].empty()) return std::nullopt;
  ProcessFigures figures;
  figures.pid = pid;
  figures.state = fields[kState][0];
  figures.parent = static_cast<int>(parse_int(fields[kParent]).value_or(0));
  figures.group = static_cast<int>(parse_int(fields[kGroup]).value_or(0));
  for (std::size_t i = kUserTime; i < kUserTime + 4; ++i) {
    const auto ticks = parse_int(fields[i]);
    if (!ticks) return std::nullopt;
    figures.cpu_ticks += *ticks;
  }
  figures.start_ticks = static_cast<std::uint64_t>(parse_int(fields[kStartTime]).value_or(0));
  return figures;
}

std::optional<int> count_fds(int pid, const std::string& proc_root) {
  const std::string folder = fmt::format("{}/{}/fd", proc_root, pid);
  const std::unique_ptr<DIR, int (*)(DIR*)> open_folder(::opendir(folder.c_str()), ::closedir);
  if (!open_folder) return std::nullopt;
  int count = 0;
  while (const dirent* entry = ::readdir(open_folder.get())) count += entry->d_name[0] != '.' ? 1 : 0;
  return count;
}

void read_io(ProcessFigures& figures, const std::string& proc_root) {
  const auto io = read_text_file(fmt::format("{}/{}/io", proc_root, figures.pid));
  if (!io) return;
  if (const auto value = value_after(*io, "read_bytes:")) figures.read_bytes = parse_int(*value);
  if (const auto value = value_after(*io, "write_bytes:")) figures.written_bytes = parse_int(*value);
}

/// `sum` plus `value`; absent once one of them is.
template <class T>
void add_known(std::optional<T>& sum, const std::optional<T>& value) {
  if (sum && value) {
    *sum += *value;
  } else {
    sum.reset();
  }
}

}  // namespace

std::optional<ProcessFigures> read_process(int pid, const std::string& proc_root) {
  auto figures = read_stat(pid, proc_root);
  if (!figures || is_dead(figures->state)) return std::nullopt;
  const auto status = read_text_file(fmt::format("{}/{}/status", proc_root, pid));
  if (!status) return std::nullopt;
  const auto anonymous = kilobytes_after(*status, "RssAnon:");
  if (!anonymous) return std::nullopt;  // it has no memory any more: it is ending
  figures->rss_anon_bytes = *anonymous;
  figures->rss_file_bytes = kilobytes_after(*status, "RssFile:").value_or(0);
  figures->rss_shmem_bytes = kilobytes_after(*status, "RssShmem:").value_or(0);
  figures->swap_bytes = kilobytes_after(*status, "VmSwap:").value_or(0);  // no line: a kernel without swap
  if (const auto threads = value_after(*status, "Threads:"))
    figures->threads = static_cast<int>(parse_int(*threads).value_or(0));
  read_io(*figures, proc_root);
  figures->fds = count_fds(pid, proc_root);
  return figures;
}

ProcessTree::ProcessTree(int pid, std::string proc_root) : pid_(pid), proc_root_(std::move(proc_root)) {}

bool ProcessTree::rescan() {
  members_.clear();
  const auto first = read_stat(pid_, proc_root_);
  if (!first || is_dead(first->state)) return false;
  if (start_ticks_ && *start_ticks_ != first->start_ticks) return false;
  start_ticks_ = first->start_ticks;

  std::vector<ProcessFigures> all;
  for (const int pid : numbered_entries(proc_root_, ""))
    if (auto figures = read_stat(pid, proc_root_); figures && !is_dead(figures->state))
      all.push_back(*figures);
  const bool leads_group = first->group == pid_;
  std::set<int> found{pid_};
  // Until nothing more is found: a parent may have a higher number than its child.
  for (std::size_t before = 0; before != found.size() && found.size() < kMembersMax;) {
    before = found.size();
    for (const ProcessFigures& process : all)
      if (found.contains(process.parent) || (leads_group && process.group == pid_)) found.insert(process.pid);
  }
  found.erase(::getpid());
  members_.assign(found.begin(), found.end());
  return true;
}

std::vector<ProcessFigures> ProcessTree::read() const {
  std::vector<ProcessFigures> figures;
  bool first_lives = false;
  for (const int pid : members_) {
    auto one = read_process(pid, proc_root_);
    if (!one) continue;
    if (pid == pid_) first_lives = one->start_ticks == start_ticks_;
    figures.push_back(std::move(*one));
  }
  if (!first_lives) figures.clear();
  return figures;
}

std::optional<record::ProcessSample> ProcessTree::sample() const {
  const auto processes = read();
  if (processes.empty()) return std::nullopt;
  static const std::int64_t kTicksPerSecond = ::sysconf(_SC_CLK_TCK);
  record::ProcessSample sum;
  sum.fds = 0;
  sum.read_bytes = 0;
  sum.written_bytes = 0;
  for (const ProcessFigures& one : processes) {
    ++sum.processes;
    sum.rss_anon_bytes += one.rss_anon_bytes;
    sum.rss_file_bytes += one.rss_file_bytes;
    sum.rss_shmem_bytes += one.rss_shmem_bytes;
    sum.swap_bytes += one.swap_bytes;
    sum.cpu_time_ns += one.cpu_ticks * (kNsPerSecond / kTicksPerSecond);
    sum.threads += one.threads;
    add_known(sum.fds, one.fds);
    add_known(sum.read_bytes, one.read_bytes);
    add_known(sum.written_bytes, one.written_bytes);
  }
  return sum;
}

}  // namespace moestress::probe
