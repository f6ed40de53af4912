#pragma once
#include <stdint.h>
#include <sys/types.h>

/// What a program's start was about when it failed.
enum linux_start_step {
  LINUX_START_PROCESS,   // fork, pipes, descriptors
  LINUX_START_TERMINAL,  // setsid, the controlling terminal
  LINUX_START_USER,      // setgroups, setgid, setuid
  LINUX_START_DIRECTORY, // chroot, chdir
  LINUX_START_EXECUTE,   // execve
};

/// How to start a program. The caller owns everything it points at.
struct linux_program {
  const char *path;               // absolute, or relative to `directory`
  const char *const *arguments;   // NULL-terminated
  const char *const *environment; // NULL-terminated
  const char *directory;          // working directory, or NULL to keep it
  const char *root;               // chroot before `directory`, or NULL
  int descriptors[3];             // become 0, 1 and 2 (may repeat); -1 opens /dev/null
  int has_streams;                // linux_take_streams made them 0, 1 and 2, and closed all others
  int new_session;                // setsid(2): its own process group, no terminal
  int terminal;                   // descriptor 0 is a terminal, and becomes the session's own
  int change_user;                // to uid, gid and groups, which get the standard descriptors that are not /dev/null
  uid_t uid;
  gid_t gid;
  const gid_t *groups;
  size_t group_count;
  int group;                      // the `cgroup.procs` of the control group to join, or 0 for none
};

/// Forks and executes. Returns the process id, or -1 with errno of the step that failed, which `*step` names: also of execve
/// in the child. `*pidfd` is a pidfd that the caller closes. Waits a second at most: a start that takes longer counts as one, and a
/// child that then cannot go on says so on its standard error and exits with 127 for execve's ENOENT, with 126 otherwise.
int linux_spawn(const struct linux_program *program, int *pidfd, enum linux_start_step *step);

/// The parts of linux_spawn, for a program that the child itself finds out about. Forks: 0 in the child, with all signals blocked and `*report`
/// to say why it cannot go on; in the parent `*report` is readable when there is an answer, and the caller's to close; -1 with errno.
int linux_start_child(int *report);
/// In the parent: the child's pidfd; -1 with errno, and then the child is no more.
int linux_open_child(pid_t child);
/// In the parent, without waiting: how many bytes the child has said, 0 when it has become its program or ended, -1 when it has not yet. The
/// last call takes it for started then: what it says later it says on its standard error.
ssize_t linux_start_answer(int report, void *answer, size_t size, int is_last);
/// In the child: makes these its standard streams (-1: /dev/null), `*report` 3 and `*group`, when above 0, 4, and closes all others. It
/// leads a session then, and signals do to it what they do to any program, but for SIGPIPE.
int linux_take_streams(const int streams[3], int *report, int *group);
/// In the child: becomes the program. Returns only on failure: its errno, and `*step`.
int linux_become(const struct linux_program *program, int *report, enum linux_start_step *step);

/// waitid(2) on a pidfd without blocking. Returns 1 and fills `code` and `signal` (0 when none) when the process has
/// ended (and reaps it, unless `keep`), 0 when it runs, -1 with errno.
int linux_wait_pidfd(int pidfd, int keep, int *code, int *signal);

/// 1 when the process group has a member that runs, its leader aside; 0 when not.
int linux_group_has_others(pid_t group);

/// waitpid(-1) without blocking: the id of a child that was reaped, 0 when none has ended, -1 with errno.
int linux_reap_any(void);

/// fork(2) that gives no pidfd and runs no handlers of ours: 0 in the child.
int linux_fork(void);

/// execve(2) in place of this process, with no signal blocked and each one's default action; returns only on failure, with -1 and
/// errno, and then what was blocked is so again.
int linux_execute(const char *path, const char *const *arguments, const char *const *environment);

/// Makes this process the last that the kernel ends for want of memory, and the first that it gives time to; its children are as any
/// other. -1 with errno.
int linux_prefer_this_process(void);

/// SCHED_BATCH (sched(7)): this process takes the processor from no other at the moment when something comes for it, so that it finds
/// more than one piece at once. Its children are as any other. -1 with errno.
int linux_work_in_batches(void);
/// How many processors this thread may run on (sched_getaffinity(2)); where that cannot be told, how many there are.
int linux_usable_processors(void);

/// mallopt(3): so many bytes at the end of the heap that were freed are kept for later, instead of the 128 KiB that a few buffers fill.
void linux_keep_freed_memory(int bytes);

/// Makes the control group `name` (cgroup v2) whose processes are at most three quarters of those that the machine may have,
/// and returns its `cgroup.procs`, open for `linux_program.group`; -1 with errno, also where the kernel has no such groups.
/// Nothing is mounted where anybody could see it.
int linux_make_process_group_limit(const char *name);

/// pidfd_open(2) and pidfd_send_signal(2).
int linux_pidfd_open(pid_t process);
int linux_pidfd_signal(int pidfd, int signal);

/// A descriptor that becomes readable when one of these signals is pending; blocks their default action.
int linux_signal_descriptor(const int *signals, int count);
void linux_ignore_signal(int signal);
/// From now on nothing but the above changes what signals do to this process: a start of a program need not set each back.
void linux_remember_signals(void);
