#include "target/keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <iterator>

namespace moestress::target {
namespace {

void close_between(int low, int high) {
  if (low > high) return;
  if (close_range(static_cast<unsigned>(low), static_cast<unsigned>(high), 0) == 0) return;
  constexpr int kMost = 65536;  // kernels before 5.9
  for (int fd = low; fd <= std::min(high, kMost); ++fd) close(fd);
}

/// Closes everything we inherited but these three. Other targets' control sockets are among it: held open
/// here, they would hide moestress' death from the other targets' keepers.
void close_all_but(int a, int b, int c) {
  int keep[] = {a, b, c};
  std::sort(std::begin(keep), std::end(keep));
  close_between(3, keep[0] - 1);
  close_between(keep[0] + 1, keep[1] - 1);
  close_between(keep[1] + 1, keep[2] - 1);
  close_between(keep[2] + 1, 0x7FFFFFFF);
}

void default_signals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) sigaction(signal, &action, nullptr);
}

[[noreturn]] void fail_exec(int exec_fd, ExecFailure::Stage stage) {
  const ExecFailure failure{stage, errno};
  [[maybe_unused]] const ssize_t written = write(exec_fd, &failure, sizeof failure);
  _exit(127);
}

[[noreturn]] void run_program(const KeeperTask& task, pid_t keeper) {
  setpgid(0, 0);
  // The second belt: should the keeper itself be killed, the program goes with it.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != keeper) _exit(127);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  dup2(task.log_fd, STDOUT_FILENO);
  dup2(task.log_fd, STDERR_FILENO);
  if (task.working_directory != nullptr && chdir(task.working_directory) != 0)
    fail_exec(task.exec_fd, ExecFailure::ChangeDirectory);
  execve(task.program, task.argv, task.environment);
  fail_exec(task.exec_fd, ExecFailure::Execute);
}

void report(int control_fd, KeeperReport::Kind kind, int value) {
  const KeeperReport packet{kind, value};
  send(control_fd, &packet, sizeof packet, MSG_NOSIGNAL);
}

/// Kills every child we have: orphans of the program that came to us as their subreaper. False if the kernel
/// does not list children (CONFIG_PROC_CHILDREN).
bool kill_children() {
  const int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char text[4096];
  ssize_t length;
  pid_t pid = 0;
  while ((length = read(fd, text, sizeof text)) > 0) {
    for (ssize_t i = 0; i < length; ++i) {
      if (text[i] >= '0' && text[i] <= '9') {
        pid = pid * 10 + (text[i] - '0');
      } else if (pid > 0) {
        kill(pid, SIGKILL);
        pid = 0;
      }
    }
  }
  close(fd);
  return true;
}

/// Kills the program's group, reaps the program and gives its wait status.
int end_group(pid_t program) {
  // While the program is not reaped its process group can't be anyone else's.
  kill(-program, SIGKILL);
  int status = 0;
  while (waitpid(program, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

/// Kills and reaps everything else that came to us, and what comes to us by that.
void end_orphans() {
  for (;;) {
    const bool listed = kill_children();
    pid_t reaped;
    while ((reaped = waitpid(-1, nullptr, WNOHANG)) > 0) {
    }
    if (reaped < 0 || !listed) return;
    poll(nullptr, 0, 2);  // a killed process takes a moment to end
  }
}

/// Whether the program has ended; reaps orphans on the way, but not the program itself.
bool program_ended(pid_t program) {
  for (;;) {
    siginfo_t info{};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return false;
    if (info.si_pid == program) return true;
    waitpid(info.si_pid, nullptr, WNOHANG);
  }
}

/// Until the program ends or we are told, or left.
void watch(int control_fd, int signal_fd, pid_t program) {
  for (;;) {
    pollfd waiting[] = {{control_fd, POLLIN, 0}, {signal_fd, POLLIN, 0}};
    if (poll(waiting, 2, -1) < 0 && errno != EINTR) return;
    if (waiting[1].revents != 0) {
      signalfd_siginfo info;
      while (read(signal_fd, &info, sizeof info) > 0) {
      }
      if (program_ended(program)) return;
    }
    if (waiting[0].revents == 0) continue;
    char order = 0;
    const ssize_t length = recv(control_fd, &order, 1, MSG_DONTWAIT);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (length != 1 || order != static_cast<char>(KeeperOrder::TerminateGroup)) return;
    kill(-program, SIGTERM);
  }
}

}  // namespace

void run_keeper(const KeeperTask& task) {
  // A group of our own, and all signals blocked: Ctrl-C is moestress' to answer, not ours.
  setpgid(0, 0);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  default_signals();
  prctl(PR_SET_NAME, "moestress-keep");
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  close_all_but(task.control_fd, task.exec_fd, task.log_fd);
  const int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd < 3; ++fd) dup2(null_fd, fd);

  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  const int signal_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);

  const pid_t keeper = getpid();
  const pid_t program = _Fork();
  if (program == 0) run_program(task, keeper);
  if (program < 0) fail_exec(task.exec_fd, ExecFailure::Fork);
  setpgid(program, program);  // also here: an order may come before the program has done it
  close(task.log_fd);
  report(task.control_fd, KeeperReport::Started, program);
  close(task.exec_fd);

  watch(task.control_fd, signal_fd, program);
  report(task.control_fd, KeeperReport::Ended, end_group(program));
  end_orphans();
  _exit(0);
}

}  // namespace moestress::target
