#include "target/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <deque>
#include <fstream>
#include <mutex>
#include <string_view>
#include <utility>

#include "base/fd.h"
#include "base/text.h"
#include "target/keeper.h"
#include "target/oom.h"

namespace moestress::target {
namespace {

using base::ErrorCode;
using base::fail;
using base::Fd;

constexpr base::Duration kKillGrace = std::chrono::seconds(10);
constexpr base::Duration kPollSlice = std::chrono::milliseconds(20);

std::vector<std::string> merged_environment(const SpawnSpec& spec) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string_view name = text.substr(0, text.find('='));
    const bool replaced = std::any_of(spec.environment.begin(), spec.environment.end(),
                                      [&](const auto& variable) { return variable.first == name; });
    if (!replaced) merged.emplace_back(text);
  }
  for (const auto& [name, value] : spec.environment) merged.push_back(name + "=" + value);
  return merged;
}

base::Result<std::string> find_program(const std::string& name, const std::vector<std::string>& environment) {
  if (name.find('/') != std::string::npos) return name;
  std::string path = "/usr/local/bin:/usr/bin:/bin";
  for (const std::string& entry : environment)
    if (entry.starts_with("PATH=")) path = entry.substr(5);
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    const std::string folder = end == begin ? "." : path.substr(begin, end - begin);
    std::string candidate = folder + "/" + name;
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
    begin = end + 1;
  }
  return fail(ErrorCode::Io, "program '{}' is not in PATH; install it or give its path",
              base::printable(name));
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  out.reserve(strings.size() + 1);
  for (std::string& text : strings) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

std::string exec_failure_text(const ExecFailure& failure, const std::string& program, const SpawnSpec& spec) {
  const char* reason = std::strerror(failure.error_number);
  switch (failure.stage) {
    case ExecFailure::Fork:
      return fmt::format("can't start another process: {}", reason);
    case ExecFailure::ChangeDirectory:
      return fmt::format("can't start in folder '{}': {}", base::printable(spec.working_directory), reason);
    default:
      return fmt::format("can't run '{}': {}", base::printable(program), reason);
  }
}

std::string describe_status(int status) {
  if (WIFEXITED(status)) return fmt::format("exited with code {}", WEXITSTATUS(status));
  const int signal = WTERMSIG(status);
  const char* name = sigabbrev_np(signal);
  return fmt::format("killed by signal {}{}", signal, name ? fmt::format(" (SIG{})", name) : "");
}

}  // namespace

SpawnSpec shell_command(const std::string& command) {
  SpawnSpec spec;
  spec.argv = {"/bin/sh", "-c", command};
  return spec;
}

struct Process::State {
  SpawnSpec spec;
  OomKills oom_before;
  std::uint64_t log_begin = 0;
  int pid = -1;

  std::mutex mutex;  // guards what follows
  Fd control;
  pid_t keeper = -1;  // -1 once reaped
  bool asked_to_stop = false;
  std::optional<std::string> death;

  /// Takes what the keeper has said, waiting at most `wait` for it. True once the keeper is gone, and with it
  /// everything it kept.
  bool listen(base::Duration wait) {
    const std::lock_guard lock(mutex);
    if (keeper < 0) return true;
    pollfd readable{control.get(), POLLIN, 0};
    const auto wait_ms = std::chrono::duration_cast<std::chrono::milliseconds>(wait).count();
    if (poll(&readable, 1, static_cast<int>(wait_ms)) <= 0) return false;
    KeeperReport report;
    for (;;) {
      const ssize_t length = recv(control.get(), &report, sizeof report, MSG_DONTWAIT);
      if (length < 0 && errno == EINTR) continue;
      if (length < 0 && errno == EAGAIN) return false;
      if (length != sizeof report) break;
      if (report.kind == KeeperReport::Ended) note_death(report.value);
    }
    waitpid(keeper, nullptr, 0);
    keeper = -1;
    if (!death) death = "killed together with its keeper process, which someone else killed";
    return true;
  }

  void order(KeeperOrder what) {
    const std::lock_guard lock(mutex);
    if (!death) asked_to_stop = true;
    if (keeper >= 0) send(control.get(), &what, sizeof what, MSG_NOSIGNAL);
  }

 private:
  void note_death(int status) {
    death = describe_status(status);
    if (asked_to_stop) {
      *death += ", as it was asked to";
    } else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
      *death += describe_oom(oom_before, read_oom_kills());
    }
  }
};

Process::Process(std::unique_ptr<State> state) : state_(std::move(state)) {}

base::Result<std::unique_ptr<Process>> Process::spawn(const SpawnSpec& spec) {
  if (spec.argv.empty() || spec.argv.front().empty())
    return fail(ErrorCode::Usage, "no program to start: the command is empty");
  std::vector<std::string> arguments = spec.argv;
  std::vector<std::string> environment = merged_environment(spec);
  MOESTRESS_TRY(const std::string program, find_program(arguments.front(), environment));

  const Fd log(open(spec.log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (log.get() < 0)
    return fail(ErrorCode::Io, "can't write the program's log '{}': {}", spec.log_path, std::strerror(errno));
  int sockets[2], pipes[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
    return fail(ErrorCode::Io, "can't make a socket pair: {}", std::strerror(errno));
  Fd ours(sockets[0]), theirs(sockets[1]);
  if (pipe2(pipes, O_CLOEXEC) != 0) return fail(ErrorCode::Io, "can't make a pipe: {}", std::strerror(errno));
  Fd exec_read(pipes[0]), exec_write(pipes[1]);

  const std::vector<char*> argv = pointers(arguments), envp = pointers(environment);
  const KeeperTask task{
      program.c_str(), argv.data(),
      envp.data(),     spec.working_directory.empty() ? nullptr : spec.working_directory.c_str(),
      theirs.get(),    exec_write.get(),
      log.get()};
  auto state = std::make_unique<State>();
  state->spec = spec;
  state->oom_before = read_oom_kills();
  if (const off_t end = lseek(log.get(), 0, SEEK_END); end > 0)
    state->log_begin = static_cast<std::uint64_t>(end);
  state->keeper = fork();
  if (state->keeper == 0) run_keeper(task);
  if (state->keeper < 0) return fail(ErrorCode::Io, "can't start another process: {}", std::strerror(errno));
  theirs.reset();
  exec_write.reset();
  state->control = std::move(ours);

  ExecFailure failure;
  ssize_t length;
  do {
    length = read(exec_read.get(), &failure, sizeof failure);
  } while (length < 0 && errno == EINTR);
  KeeperReport started;
  const bool told = length == 0 &&
                    recv(state->control.get(), &started, sizeof started, 0) == sizeof started &&
                    started.kind == KeeperReport::Started;
  if (!told) {
    state->control.reset();
    waitpid(state->keeper, nullptr, 0);
    if (length != sizeof failure) return fail(ErrorCode::Io, "the keeper of '{}' died at its start", program);
    return fail(ErrorCode::Io, "{}", exec_failure_text(failure, program, spec));
  }
  state->pid = started.value;
  return std::unique_ptr<Process>(new Process(std::move(state)));
}

Process::~Process() {
  if (state_->listen(base::Duration(0))) return;
  state_->order(KeeperOrder::KillGroup);
  for (base::Duration waited{0}; waited < kKillGrace && !state_->listen(kPollSlice);) waited += kPollSlice;
}

int Process::pid() const { return state_->pid; }

bool Process::alive() const { return !death(); }

std::optional<std::string> Process::death() const {
  state_->listen(base::Duration(0));
  const std::lock_guard lock(state_->mutex);
  return state_->death;
}

base::Status Process::stop(base::Duration grace) {
  if (state_->listen(base::Duration(0))) return {};
  for (const auto& [order, patience] :
       {std::pair{KeeperOrder::TerminateGroup, grace}, std::pair{KeeperOrder::KillGroup, kKillGrace}}) {
    state_->order(order);
    const auto until = std::chrono::steady_clock::now() + patience;
    do {
      if (state_->listen(kPollSlice)) return {};
    } while (std::chrono::steady_clock::now() < until);
  }
  return fail(
      ErrorCode::Timeout,
      "process {} did not end {} s after SIGKILL; it is stuck in the kernel (a disk or a device driver?)",
      state_->pid, kKillGrace / std::chrono::seconds(1));
}

const std::string& Process::log_path() const { return state_->spec.log_path; }

std::uint64_t Process::log_begin() const { return state_->log_begin; }

std::string log_tail(const std::string& path, std::size_t lines_max) {
  constexpr std::streamoff kBytesMax = 16 * 1024;
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return "";
  const std::streamoff size = file.tellg();
  file.seekg(std::max<std::streamoff>(0, size - kBytesMax));
  std::deque<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    if (line.back() == '\r') line.pop_back();
    lines.push_back("  " + base::printable(line, 300));
    if (lines.size() > lines_max) lines.pop_front();
  }
  return fmt::format("{}", fmt::join(lines, "\n"));
}

}  // namespace moestress::target
