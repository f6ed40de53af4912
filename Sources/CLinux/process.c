#define _GNU_SOURCE
#include "CLinux.h"

#include <sys/prctl.h>
#include <sys/syscall.h>

static void restore_signals(void) {
  sigset_t none;
  sigemptyset(&none);
  for (int signal = 1; signal < 65; signal++) {
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigaction(signal, &action, NULL);
  }
  sigprocmask(SIG_SETMASK, &none, NULL);
}

void linux_reset_signals(void) { restore_signals(); }

void linux_ignore_signal(int signal_number) { signal(signal_number, SIG_IGN); }

// In the child, after fork: only async-signal-safe calls. Returns only on failure, with errno set.
static void become(const struct linux_program *program) {
  if (program->new_session && setsid() < 0) return;
  int moved[3];
  for (int i = 0; i < 3; i++) {
    // Moved above 2 first, so that no descriptor is overwritten before its turn.
    int from = program->descriptors[i];
    int opened = -1;
    if (from < 0) from = opened = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (from < 0) return;
    moved[i] = fcntl(from, F_DUPFD_CLOEXEC, 3);
    if (moved[i] < 0) return;
    if (opened >= 0) close(opened);
  }
  for (int i = 0; i < 3; i++)
    if (dup2(moved[i], i) < 0) return;
  if (program->root && (chroot(program->root) < 0 || chdir("/") < 0)) return;
  if (program->directory && chdir(program->directory) < 0) return;
  restore_signals();
  execve(program->path, (char *const *)program->arguments, (char *const *)program->environment);
}

int linux_spawn(const struct linux_program *program, int *pidfd) {
  int report[2];
  if (pipe2(report, O_CLOEXEC) < 0) return -1;
  pid_t child = fork();
  if (child < 0) {
    int error = errno;
    close(report[0]);
    close(report[1]);
    errno = error;
    return -1;
  }
  if (child == 0) {
    close(report[0]);
    // Above the three standard descriptors, where `become` cannot overwrite it.
    int keep = fcntl(report[1], F_DUPFD_CLOEXEC, 3);
    become(program);
    int error = errno;
    if (write(keep, &error, sizeof error) < 0) _exit(125);
    _exit(126);
  }
  close(report[1]);
  int error = 0;
  ssize_t count;
  while ((count = read(report[0], &error, sizeof error)) < 0 && errno == EINTR) {
  }
  close(report[0]);
  if (count == sizeof error) {
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
    }
    errno = error;
    return -1;
  }
  *pidfd = linux_pidfd_open(child);
  if (*pidfd < 0) {
    error = errno;
    kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
    }
    errno = error;
    return -1;
  }
  return child;
}

int linux_wait_pidfd(int pidfd, int *code, int *signal) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG) < 0) return -1;
  if (info.si_pid == 0) return 0;
  *code = info.si_code == CLD_EXITED ? info.si_status : 0;
  *signal = info.si_code == CLD_EXITED ? 0 : info.si_status;
  return 1;
}

int linux_reap_any(void) { return waitpid(-1, NULL, WNOHANG); }

int linux_fork(void) { return fork(); }

int linux_execute(const char *path, const char *const *arguments, const char *const *environment) {
  return execve(path, (char *const *)arguments, (char *const *)environment);
}

int linux_pidfd_open(pid_t process) {
  int descriptor = (int)syscall(SYS_pidfd_open, process, 0);
  if (descriptor >= 0) fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  return descriptor;
}

int linux_pidfd_signal(int pidfd, int signal) { return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0); }

int linux_signal_descriptor(const int *signals, int count) {
  sigset_t set;
  sigemptyset(&set);
  for (int i = 0; i < count; i++) sigaddset(&set, signals[i]);
  if (sigprocmask(SIG_BLOCK, &set, NULL) < 0) return -1;
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}
