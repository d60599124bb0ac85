#include "quality/bounded_child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <utility>

#include "base/fd.h"

namespace moestress::quality {
namespace {

using base::ErrorCode;
using base::fail;
using base::Fd;
using Clock = std::chrono::steady_clock;

constexpr auto kLook = std::chrono::milliseconds(10);
constexpr uid_t kNobody = 65534;

base::Result<Fd> memory_file(const std::string& text) {
  Fd file(memfd_create("moestress-input", MFD_CLOEXEC));
  std::size_t written = 0;
  while (file.get() >= 0 && written < text.size()) {
    const ssize_t count = write(file.get(), text.data() + written, text.size() - written);
    if (count <= 0) return fail(ErrorCode::Io, "can't write an input into memory: {}", std::strerror(errno));
    written += static_cast<std::size_t>(count);
  }
  if (file.get() < 0 || lseek(file.get(), 0, SEEK_SET) != 0)
    return fail(ErrorCode::Io, "can't make a file in memory: {}", std::strerror(errno));
  return file;
}

/// Everything the child needs, made before the fork: after it nothing may allocate.
struct Start {
  std::vector<char*> argv;
  std::vector<int> keep;  ///< descriptors that stay open
  int output = -1;
  int null = -1;
  int error = -1;  ///< closes without a word when the program runs
  bool as_nobody = false;
  std::vector<std::pair<int, rlimit>> limits;
};

[[noreturn]] void run_child(const Start& start) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  bool ready = dup2(start.null, 0) >= 0 && dup2(start.output, 1) >= 0 && dup2(start.output, 2) >= 0;
  close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  for (const int fd : start.keep) fcntl(fd, F_SETFD, 0);
  // The raw calls: the library's would look for threads, which are gone.
  if (start.as_nobody)
    ready = ready && syscall(SYS_setgroups, 0, nullptr) == 0 &&
            syscall(SYS_setresgid, kNobody, kNobody, kNobody) == 0 &&
            syscall(SYS_setresuid, kNobody, kNobody, kNobody) == 0;
  for (const auto& [resource, limit] : start.limits)
    ready = ready && setrlimit(static_cast<__rlimit_resource>(resource), &limit) == 0;
  if (ready) execvp(start.argv[0], start.argv.data());
  const int reason = errno;
  [[maybe_unused]] const ssize_t told = write(start.error, &reason, sizeof reason);
  _exit(127);
}

/// Threads of all processes of a user, as far as /proc shows them.
int threads_of(uid_t user) {
  int threads = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    if (!std::isdigit(static_cast<unsigned char>(entry.path().filename().string()[0]))) continue;
    std::ifstream status(entry.path() / "status");
    long owner = -1;
    int count = 0;
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("Uid:")) owner = std::strtol(line.c_str() + 4, nullptr, 10);
      if (line.starts_with("Threads:")) count = static_cast<int>(std::strtol(line.c_str() + 8, nullptr, 10));
    }
    if (owner == static_cast<long>(user)) threads += count;
  }
  return threads;
}

std::vector<std::pair<int, rlimit>> resource_limits(const ChildLimits& limits, uid_t user) {
  const auto both = [](auto value) { return rlimit{static_cast<rlim_t>(value), static_cast<rlim_t>(value)}; };
  const auto cpu = static_cast<rlim_t>(limits.cpu_seconds);
  std::vector<std::pair<int, rlimit>> out{{RLIMIT_AS, both(limits.memory_bytes)},
                                          {RLIMIT_FSIZE, both(limits.file_bytes)},
                                          {RLIMIT_CORE, both(0)},
                                          {RLIMIT_CPU, rlimit{cpu, cpu + 1}}};
  // The kernel counts all of the user's threads, also those that have nothing to do with us.
  rlimit processes = both(threads_of(user) + limits.processes);
  rlimit now{};
  if (getrlimit(RLIMIT_NPROC, &now) == 0 && now.rlim_max != RLIM_INFINITY)
    processes = both(std::min(processes.rlim_max, now.rlim_max));
  out.emplace_back(RLIMIT_NPROC, processes);
  return out;
}

struct Tree {
  int threads = 0;
  std::int64_t resident_bytes = 0;
};

/// Adds a process and what descends from it, down to a bound that no sound program reaches.
void add_tree(int pid, Tree& tree, int bound) {
  if (tree.threads > bound) return;
  const std::string folder = fmt::format("/proc/{}", pid);
  std::int64_t size = 0, resident = 0;
  if (std::ifstream statm(folder + "/statm"); !(statm >> size >> resident)) return;
  tree.resident_bytes += resident * sysconf(_SC_PAGESIZE);
  std::error_code error;
  for (const auto& task : std::filesystem::directory_iterator(folder + "/task", error)) {
    ++tree.threads;
    std::ifstream children(task.path() / "children");
    for (int child = 0; children >> child;) add_tree(child, tree, bound);
  }
}

/// A started child, read from until it ends.
class Running {
 public:
  Running(pid_t pid, Fd output, const ChildLimits& limits)
      : pid_(pid), output_(std::move(output)), limits_(limits), began_(Clock::now()) {}

  ChildEnd wait() {
    std::optional<ChildEnd::Cause> passed;
    while (!passed && !ended_) {
      read_some();
      passed = bound_passed();
      ended_ = waitpid(pid_, &status_, WNOHANG) == pid_;
    }
    if (!ended_) {
      kill(-pid_, SIGKILL);  // bubblewrap's namespace, with all that is in it, ends with bubblewrap
      while (waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
      }
    }
    drain();
    end_.seconds = std::chrono::duration<double>(Clock::now() - began_).count();
    if (passed) {
      end_.cause = *passed;
    } else if (end_.output.size() >= limits_.output_bytes) {
      end_.cause = ChildEnd::Cause::OutputExceeded;
    } else {
      end_.cause = WIFEXITED(status_) ? ChildEnd::Cause::Exited : ChildEnd::Cause::Signalled;
      end_.code = WIFEXITED(status_) ? WEXITSTATUS(status_) : WTERMSIG(status_);
    }
    return std::move(end_);
  }

 private:
  /// Waits a moment for output and takes what there is.
  void read_some() {
    pollfd readable{output_.get(), POLLIN, 0};
    if (poll(&readable, 1, static_cast<int>(kLook.count())) > 0 && !take()) {
      output_.reset();  // all who could write have closed it
    }
  }

  bool take() {
    char buffer[4096];
    const ssize_t count = read(output_.get(), buffer, sizeof buffer);
    if (count < 0) return errno == EINTR || errno == EAGAIN;
    const std::size_t room = limits_.output_bytes - std::min(limits_.output_bytes, end_.output.size());
    end_.output.append(buffer, std::min(room, static_cast<std::size_t>(count)));
    return count > 0;
  }

  void drain() {
    while (output_.get() >= 0 && end_.output.size() < limits_.output_bytes) {
      pollfd readable{output_.get(), POLLIN, 0};
      if (poll(&readable, 1, 0) <= 0 || !take()) return;
    }
  }

  std::optional<ChildEnd::Cause> bound_passed() {
    const auto now = Clock::now();
    if (now - began_ > limits_.wall) return ChildEnd::Cause::TimedOut;
    if (end_.output.size() >= limits_.output_bytes) return ChildEnd::Cause::OutputExceeded;
    if (now - looked_ < kLook) return std::nullopt;
    looked_ = now;
    Tree tree;
    add_tree(pid_, tree, limits_.processes);
    if (tree.threads > limits_.processes) return ChildEnd::Cause::ProcessesExceeded;
    if (tree.resident_bytes > limits_.memory_bytes) return ChildEnd::Cause::MemoryExceeded;
    return std::nullopt;
  }

  pid_t pid_;
  Fd output_;
  const ChildLimits& limits_;
  Clock::time_point began_, looked_{};
  bool ended_ = false;
  int status_ = 0;
  ChildEnd end_;
};

}  // namespace

base::Result<ChildEnd> run_bounded(std::vector<std::string> argv, const ChildInputs& inputs,
                                   const ChildLimits& limits, bool drop_root) {
  std::vector<Fd> files;
  Start start;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    MOESTRESS_TRY(Fd file, memory_file(inputs[i]));
    start.keep.push_back(file.get());
    for (std::string& argument : argv)
      if (argument == fmt::format("{{{}}}", i)) argument = std::to_string(file.get());
    files.push_back(std::move(file));
  }
  for (std::string& argument : argv) start.argv.push_back(argument.data());
  start.argv.push_back(nullptr);

  int out[2], error[2];
  if (pipe2(out, O_CLOEXEC) != 0) return fail(ErrorCode::Io, "can't make a pipe: {}", std::strerror(errno));
  Fd output(out[0]), theirs(out[1]);
  if (pipe2(error, O_CLOEXEC) != 0) return fail(ErrorCode::Io, "can't make a pipe: {}", std::strerror(errno));
  const Fd error_read(error[0]);
  Fd error_write(error[1]);
  const Fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  start.output = theirs.get();
  start.null = null.get();
  start.error = error_write.get();
  start.as_nobody = drop_root && geteuid() == 0;
  start.limits = resource_limits(limits, start.as_nobody ? kNobody : geteuid());

  const pid_t pid = fork();
  if (pid == 0) run_child(start);
  if (pid < 0) return fail(ErrorCode::Io, "can't start another process: {}", std::strerror(errno));
  setpgid(pid, pid);  // also here: it may be killed before it has done it
  theirs.reset();
  error_write.reset();
  int reason = 0;
  ssize_t told;
  do {
    told = read(error_read.get(), &reason, sizeof reason);
  } while (told < 0 && errno == EINTR);
  if (told == sizeof reason) {
    waitpid(pid, nullptr, 0);
    return fail(ErrorCode::Io, "can't run {}: {}", argv[0], std::strerror(reason));
  }
  return Running(pid, std::move(output), limits).wait();
}

}  // namespace moestress::quality
