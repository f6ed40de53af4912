#define _GNU_SOURCE
#include "CLinux.h"

#include <malloc.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>

// The signals that may do something else than by default, a bit for each; all of them, as long as nobody has looked.
static uint64_t changed_signals = ~0ULL;

static int remembers_signals;

static uint64_t bit_of(int signal_number) { return 1ULL << (signal_number - 1); }

static void restore_signals(void) {
  sigset_t none;
  sigemptyset(&none);
  struct sigaction action = {.sa_handler = SIG_DFL};
  for (int number = 1; number < 65; number++)
    if (changed_signals & bit_of(number)) sigaction(number, &action, NULL);
  if (remembers_signals) changed_signals = 0;
  sigprocmask(SIG_SETMASK, &none, NULL);
}

void linux_remember_signals(void) {
  struct sigaction action;
  remembers_signals = 1;
  for (int number = 1; number < 65; number++)
    if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_DFL) changed_signals &= ~bit_of(number);
}

void linux_ignore_signal(int signal_number) {
  signal(signal_number, SIG_IGN);
  changed_signals |= bit_of(signal_number);
}

// The numbers are set for this thread alone, by the system calls themselves: the only one there is after a fork.
static int change_user(const struct linux_program *program) {
  if (syscall(SYS_setgroups, program->group_count, program->groups) < 0) return -1;
  if (syscall(SYS_setresgid, program->gid, program->gid, program->gid) < 0) return -1;
  return (int)syscall(SYS_setresuid, program->uid, program->uid, program->uid);
}

// Set once this process comes before others when memory or time is short; its children are not to.
static int is_preferred;

static int write_text(const char *path, const char *text) {
  int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return -1;
  ssize_t count = write(file, text, strlen(text));
  close(file);
  return count < 0 ? -1 : 0;
}

int linux_prefer_this_process(void) {
  is_preferred = 1;
  setpriority(PRIO_PROCESS, 0, -20);
  return write_text("/proc/self/oom_score_adj", "-1000");
}

int linux_usable_processors(void) {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : (int)sysconf(_SC_NPROCESSORS_ONLN);
}

// Set once this process is a batch process; its children are not.
static int is_batch;

int linux_work_in_batches(void) {
  struct sched_param none = {0};
  is_batch = sched_setscheduler(0, SCHED_BATCH, &none) == 0;
  return is_batch ? 0 : -1;
}

void linux_keep_freed_memory(int bytes) {
  mallopt(M_TRIM_THRESHOLD, bytes);
  // Larger blocks are given back at once; without this, the threshold above would move.
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

// In the child: makes the program's descriptors 0, 1 and 2, and `*report` 3. -1 with errno.
static int place_streams(const struct linux_program *program, int *report) {
  int moved[3];
  for (int i = 0; i < 3; i++) {
    // Moved above 2 first, so that no descriptor is overwritten before its turn.
    int from = program->descriptors[i];
    int opened = -1;
    if (from < 0) from = opened = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (from < 0) return -1;
    moved[i] = fcntl(from, F_DUPFD_CLOEXEC, 3);
    if (moved[i] < 0) return -1;
    if (opened >= 0) close(opened);
  }
  for (int i = 0; i < 3; i++)
    if (dup2(moved[i], i) < 0) return -1;
  // Whatever this process has open is none of the program's: a server that stays would keep it. Not only at execve, which may wait for
  // long, and others for the end of a pipe meanwhile. Linux 5.9; before, what is not marked to be closed stays.
  if (*report == 3 || dup3(*report, 3, O_CLOEXEC) == 3) {
    *report = 3;
    syscall(SYS_close_range, 4, ~0U, 0);
  }
  return 0;
}

// In the child, after fork: only async-signal-safe calls. Returns only on failure, with errno set: the step that failed. `*report` is
// kept open until the program is executed, and is another number then.
static enum linux_start_step become(const struct linux_program *program, int *report) {
  struct sched_param none = {0};
  if (is_batch) sched_setscheduler(0, SCHED_OTHER, &none);
  if (is_preferred) {
    write_text("/proc/self/oom_score_adj", "0");
    setpriority(PRIO_PROCESS, 0, 0);
  }
  // Where that fails the program runs without the group's limit, and is no worse off.
  if (program->group > 0 && write(program->group, "0", 1) < 0) errno = 0;
  if (program->new_session && setsid() < 0) return LINUX_START_TERMINAL;
  if (!program->has_streams && place_streams(program, report) < 0) return LINUX_START_PROCESS;
  // So that another user can open /dev/stdout, and the terminal by its name.
  for (int i = 0; i < 3; i++)
    if (program->change_user && program->descriptors[i] >= 0) fchown(i, program->uid, (gid_t)-1);
  if (program->terminal && ioctl(0, TIOCSCTTY, 0) < 0) return LINUX_START_TERMINAL;
  if (program->root && (chroot(program->root) < 0 || chdir("/") < 0)) return LINUX_START_DIRECTORY;
  if (program->change_user && change_user(program) < 0) return LINUX_START_USER;
  if (program->directory && chdir(program->directory) < 0) return LINUX_START_DIRECTORY;
  restore_signals();
  execve(program->path, (char *const *)program->arguments, (char *const *)program->environment);
  return LINUX_START_EXECUTE;
}

static void reap(pid_t child) {
  while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
  }
}

// How long linux_spawn may keep the caller, in milliseconds: the program or its directory may be on a file server that is silent.
static const int start_patience = 1000;

// In a child whose parent waits no longer, on the standard error that it has by then, or else the parent's.
static void tell_failure(const struct linux_program *program, enum linux_start_step step, int error) {
  int is_directory = step == LINUX_START_DIRECTORY && program->directory;
  const char *action = is_directory ? "cannot enter " : "";
  const char *name = is_directory ? program->directory : program->path;
  const char *reason = strerrordesc_np(error);
  if (!reason) reason = "";
  char digits[12], *number = digits + sizeof digits;
  do *--number = (char)('0' + error % 10);
  while (error /= 10);
  const char *const parts[] = {action, name, ": ", reason, " (errno ", number, ")\n"};
  enum { count = sizeof parts / sizeof *parts };
  struct iovec text[count];
  for (int i = 0; i < count; i++)
    text[i] = (struct iovec){(void *)parts[i], parts[i] == number ? (size_t)(digits + sizeof digits - number) : strlen(parts[i])};
  if (writev(2, text, count) < 0) return;
}

int linux_start_child(int *report) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return -1;
  // What is sent to a child that still ignores it, as this process does, waits until the child has its signals back.
  sigset_t all, blocked;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &blocked);
  pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    // Above the three standard descriptors, which are overwritten.
    *report = ends[1] > 2 ? ends[1] : fcntl(ends[1], F_DUPFD_CLOEXEC, 3);
    return 0;
  }
  int error = errno;
  sigprocmask(SIG_SETMASK, &blocked, NULL);
  close(ends[1]);
  *report = ends[0];
  if (child < 0) close(ends[0]);
  errno = error;
  return child;
}

ssize_t linux_start_answer(int report, void *answer, size_t size, int is_last) {
  // What is sent until here is read, and what comes later is refused and told by the child.
  if (is_last) shutdown(report, SHUT_RD);
  ssize_t count = recv(report, answer, size, MSG_DONTWAIT);
  return count < 0 && is_last ? 0 : count;
}

int linux_open_child(pid_t child) {
  int pidfd = linux_pidfd_open(child);
  if (pidfd < 0) {
    int error = errno;
    kill(child, SIGKILL);
    reap(child);
    errno = error;
  }
  return pidfd;
}

int linux_take_streams(const int streams[3], int *report, int *group) {
  // Before it may wait, so that whoever ends the session ends this.
  if (setsid() < 0) return -1;
  restore_signals();
  linux_ignore_signal(SIGPIPE);
  int from[5] = {streams[0], streams[1], streams[2], *report, *group}, count = *group > 0 ? 5 : 4;
  for (int i = 0; i < count; i++) {
    if (from[i] < 0) from[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
    // Moved above all of them first, so that no descriptor is overwritten before its turn.
    if (from[i] >= 0 && from[i] < count) from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, count);
    if (from[i] < 0) return -1;
  }
  for (int i = 0; i < count; i++)
    if (dup3(from[i], i, i < 3 ? 0 : O_CLOEXEC) < 0) return -1;
  *report = 3;
  if (*group > 0) *group = 4;
  syscall(SYS_close_range, (unsigned)count, ~0U, 0);
  return 0;
}

int linux_become(const struct linux_program *program, int *report, enum linux_start_step *step) {
  *step = become(program, report);
  return errno;
}

int linux_spawn(const struct linux_program *program, int *pidfd, enum linux_start_step *step) {
  int report, failure[2];
  *step = LINUX_START_PROCESS;
  pid_t child = linux_start_child(&report);
  if (child < 0) return -1;
  if (child == 0) {
    failure[0] = become(program, &report);
    failure[1] = errno;
    if (send(report, failure, sizeof failure, MSG_NOSIGNAL) < 0) tell_failure(program, failure[0], failure[1]);
    _exit(failure[0] == LINUX_START_EXECUTE && failure[1] == ENOENT ? 127 : 126);
  }
  struct pollfd readable = {.fd = report, .events = POLLIN};
  while (poll(&readable, 1, start_patience) < 0 && errno == EINTR) {
  }
  ssize_t count = linux_start_answer(report, failure, sizeof failure, 1);
  close(report);
  if (count == sizeof failure) {
    reap(child);
    *step = (enum linux_start_step)failure[0];
    errno = failure[1];
    return -1;
  }
  *pidfd = linux_open_child(child);
  return *pidfd < 0 ? -1 : child;
}

int linux_wait_pidfd(int pidfd, int keep, int *code, int *signal) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | (keep ? WNOWAIT : 0)) < 0) return -1;
  if (info.si_pid == 0) return 0;
  *code = info.si_code == CLD_EXITED ? info.si_status : 0;
  *signal = info.si_code == CLD_EXITED ? 0 : info.si_status;
  return 1;
}

// proc(5): PID (NAME) STATE PARENT GROUP …, and NAME may hold any character.
static int runs_in(const char *process, pid_t group) {
  char path[64], text[512];
  snprintf(path, sizeof path, "/proc/%.20s/stat", process);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  ssize_t count = read(file, text, sizeof text - 1);
  close(file);
  if (count <= 0) return 0;
  text[count] = 0;
  const char *name_end = strrchr(text, ')');
  if (!name_end || strlen(name_end) < 5 || name_end[2] == 'Z' || name_end[2] == 'X') return 0;
  char *parent_end;
  strtol(name_end + 4, &parent_end, 10);
  return strtol(parent_end, NULL, 10) == group;
}

int linux_group_has_others(pid_t group) {
  DIR *processes = opendir("/proc");
  if (!processes) return 0;
  int found = 0;
  for (struct dirent *entry; !found && (entry = readdir(processes));)
    found = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && atoi(entry->d_name) != group && runs_in(entry->d_name, group);
  closedir(processes);
  return found;
}

int linux_reap_any(void) { return waitpid(-1, NULL, WNOHANG); }

int linux_fork(void) { return fork(); }

int linux_execute(const char *path, const char *const *arguments, const char *const *environment) {
  sigset_t blocked;
  sigprocmask(SIG_SETMASK, NULL, &blocked);
  restore_signals();
  execve(path, (char *const *)arguments, (char *const *)environment);
  int error = errno;
  // Whoever goes on waits for what it has blocked.
  sigprocmask(SIG_SETMASK, &blocked, NULL);
  errno = error;
  return -1;
}

int linux_pidfd_open(pid_t process) {
  return (int)syscall(SYS_pidfd_open, process, 0);
}

int linux_pidfd_signal(int pidfd, int signal) { return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0); }

int linux_signal_descriptor(const int *signals, int count) {
  sigset_t set;
  sigemptyset(&set);
  for (int i = 0; i < count; i++) sigaddset(&set, signals[i]);
  if (sigprocmask(SIG_BLOCK, &set, NULL) < 0) return -1;
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}
