#include "quality/sandbox.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "base/text.h"
#include "quality/bounded_child.h"

namespace moestress::quality {
namespace {

using base::ErrorCode;
using base::fail;
using workload::Language;

constexpr const char* kBegun = "sandbox-begun";  // what our script says first: else bubblewrap failed
constexpr int kCompileFailed = 101;
constexpr int kOwnProcesses = 4;  // bubblewrap's two, the shell, the compiler's driver
constexpr int kShellSignalBase = 128;

/// The folders of programs and libraries; merged into /usr on most systems, and then links.
std::vector<std::string> system_binds() {
  std::vector<std::string> words{"--ro-bind", "/usr", "/usr"};
  for (const char* folder : {"/bin", "/sbin", "/lib", "/lib32", "/lib64"}) {
    std::error_code error;
    if (std::filesystem::is_symlink(folder, error)) {
      words.insert(words.end(), {"--symlink", std::filesystem::read_symlink(folder, error).string(), folder});
    } else {
      words.insert(words.end(), {"--ro-bind-try", folder, folder});
    }
  }
  for (const char* file : {"/etc/alternatives", "/etc/ld.so.cache"})
    words.insert(words.end(), {"--ro-bind-try", file, file});
  for (const char* device : {"/dev/null", "/dev/zero", "/dev/urandom"})
    words.insert(words.end(), {"--dev-bind", device, device});
  return words;
}

std::vector<std::string> command(const std::string& script, const std::vector<workload::Program::File>& files,
                                 std::int64_t scratch_bytes) {
  std::vector<std::string> words{"bwrap",      "--unshare-all", "--die-with-parent", "--new-session",
                                 "--cap-drop", "ALL",           "--clearenv"};
  for (const auto& [name, value] :
       {std::pair{"PATH", "/usr/local/bin:/usr/bin:/bin"}, std::pair{"HOME", "/tmp"},
        std::pair{"TMPDIR", "/tmp"}, std::pair{"LC_ALL", "C.UTF-8"}})
    words.insert(words.end(), {"--setenv", name, value});
  const auto binds = system_binds();
  words.insert(words.end(), binds.begin(), binds.end());
  words.insert(words.end(), {"--size", std::to_string(scratch_bytes), "--tmpfs", "/tmp", "--dir", "/work"});
  for (std::size_t i = 0; i < files.size(); ++i)
    words.insert(words.end(),
                 {"--perms", "0444", "--ro-bind-data", fmt::format("{{{}}}", i), "/work/" + files[i].name});
  words.insert(words.end(), {"--remount-ro", "/", "--chdir", "/work", "--", "/bin/sh", "-c",
                             fmt::format("echo {}; {}", kBegun, script)});
  return words;
}

bool is_file_name(const std::string& name) {
  const auto fits = [](unsigned char c) { return std::isalnum(c) != 0 || c == '.' || c == '_'; };
  return !name.empty() && name.size() <= 64 && name[0] != '.' && std::all_of(name.begin(), name.end(), fits);
}

bool has_line(std::string_view output, std::string_view line) {
  while (!output.empty()) {
    const auto end = std::min(output.find('\n'), output.size());
    if (output.substr(0, end) == line) return true;
    output.remove_prefix(std::min(end + 1, output.size()));
  }
  return false;
}

/// A process says in its own way that it got no memory.
bool ran_out_of_memory(std::string_view output) {
  for (const char* word : {"MemoryError", "std::bad_alloc", "out of memory", "Cannot allocate memory"})
    if (output.find(word) != std::string_view::npos) return true;
  return false;
}

RunVerdict verdict_of(const ChildEnd& end, const std::string& expected_line, bool compiles) {
  using Cause = ChildEnd::Cause;
  switch (end.cause) {
    case Cause::TimedOut:
      return RunVerdict::TimedOut;
    case Cause::MemoryExceeded:
      return RunVerdict::MemoryExceeded;
    case Cause::OutputExceeded:
      return RunVerdict::OutputExceeded;
    case Cause::ProcessesExceeded:
      return RunVerdict::ProcessesExceeded;
    case Cause::Exited:
    case Cause::Signalled:
      break;
  }
  const int code = end.cause == Cause::Signalled ? kShellSignalBase + end.code : end.code;
  if (code == 0) return has_line(end.output, expected_line) ? RunVerdict::Passed : RunVerdict::Failed;
  if (compiles && code == kCompileFailed) return RunVerdict::CompileFailed;
  if (code == kShellSignalBase + SIGXCPU) return RunVerdict::TimedOut;
  return ran_out_of_memory(end.output) ? RunVerdict::MemoryExceeded : RunVerdict::Failed;
}

std::string detail_of(const ChildEnd& end, RunVerdict verdict) {
  if (verdict == RunVerdict::Passed) return "passed its tests";
  if (verdict == RunVerdict::Failed && end.code == 0) return "ended before its tests had";
  if (verdict == RunVerdict::Failed && end.code > kShellSignalBase)
    return fmt::format("killed by signal {}", end.code - kShellSignalBase);
  if (verdict == RunVerdict::Failed) return fmt::format("ended with code {}", end.code);
  return fmt::format("{} after {:.1f} s", to_string(verdict), end.seconds);
}

}  // namespace

const char* to_string(RunVerdict verdict) {
  switch (verdict) {
    case RunVerdict::Passed:
      return "passed";
    case RunVerdict::Failed:
      return "failed";
    case RunVerdict::CompileFailed:
      return "did not compile";
    case RunVerdict::TimedOut:
      return "took too long";
    case RunVerdict::MemoryExceeded:
      return "took too much memory";
    case RunVerdict::OutputExceeded:
      return "wrote too much";
    case RunVerdict::ProcessesExceeded:
      return "started too many processes";
  }
  return "unknown";
}

base::Result<Sandbox> Sandbox::open(const SandboxLimits& limits) {
  std::string why;
  // Root's processes are bounded by nothing, so another user is tried first.
  for (const bool drop_root : {true, false}) {
    if (!drop_root && geteuid() != 0) break;
    Sandbox sandbox(limits, drop_root);
    const auto tried = sandbox.run_script("echo works", {}, "works", false);
    if (tried && tried->verdict == RunVerdict::Passed) return sandbox;
    if (!tried && tried.error().code == ErrorCode::Io)
      return fail(ErrorCode::Unsupported, "there is no bubblewrap: install the package bubblewrap");
    why = tried ? tried->detail : tried.error().message;
  }
  return fail(ErrorCode::Unsupported,
              "bubblewrap is there, but may not make namespaces ({}): allow user namespaces "
              "(`sysctl kernel.unprivileged_userns_clone=1`, or the container's options)",
              why);
}

base::Status Sandbox::supports(Language language) const {
  const char* script =
      language == Language::Python ? "python3 -c 'print(\"works\")'" : "g++ --version && echo works";
  MOESTRESS_TRY(const RunReport report, run_script(script, {}, "works", false));
  if (report.verdict == RunVerdict::Passed) return {};
  return fail(ErrorCode::Unsupported, "there is no {} in /usr/bin: install the package {}",
              language == Language::Python ? "python3" : "g++",
              language == Language::Python ? "python3" : "g++");
}

base::Result<RunReport> Sandbox::run(const workload::Program& program) const {
  if (program.files.empty()) return fail(ErrorCode::Usage, "a program without a file can't be run");
  for (const auto& file : program.files)
    if (!is_file_name(file.name))
      return fail(ErrorCode::Usage, "\"{}\" is no name for a file of a program",
                  base::printable(file.name, 80));
  const std::string& main = program.files.front().name;
  if (program.language == Language::Python)
    return run_script("exec python3 -E -s -B " + main, program.files, program.expected_line, false);
  return run_script(
      fmt::format("g++ -std=c++20 -w -o /tmp/program {} || exit {}; ulimit -v {}; ulimit -S -t {}; "
                  "exec /tmp/program",
                  main, kCompileFailed, limits_.memory_bytes / 1024, limits_.cpu_seconds),
      program.files, program.expected_line, true);
}

base::Result<RunReport> Sandbox::run_script(const std::string& script,
                                            const std::vector<workload::Program::File>& files,
                                            const std::string& expected_line, bool compiles) const {
  ChildLimits limits;
  limits.wall = limits_.wall + (compiles ? limits_.compile_wall : base::Duration(0));
  limits.cpu_seconds = compiles ? limits_.compile_cpu_seconds : limits_.cpu_seconds;
  limits.memory_bytes = compiles ? limits_.compile_memory_bytes : limits_.memory_bytes;
  limits.file_bytes = limits_.file_bytes;
  limits.processes = limits_.processes + kOwnProcesses;
  limits.output_bytes = limits_.output_bytes;
  ChildInputs inputs;
  for (const auto& file : files) inputs.push_back(file.text);
  MOESTRESS_TRY(ChildEnd end,
                run_bounded(command(script, files, 4 * limits_.file_bytes), inputs, limits, drop_root_));
  const std::string begun = std::string(kBegun) + "\n";
  if (!end.output.starts_with(begun) && end.cause == ChildEnd::Cause::Exited)
    return fail(ErrorCode::Unsupported, "the sandbox could not be set up: {}",
                base::printable(end.output, 200));
  end.output.erase(0, std::min(begun.size(), end.output.size()));
  RunReport report;
  report.verdict = verdict_of(end, expected_line, compiles);
  report.detail = detail_of(end, report.verdict);
  report.output = std::move(end.output);
  report.seconds = end.seconds;
  return report;
}

}  // namespace moestress::quality
