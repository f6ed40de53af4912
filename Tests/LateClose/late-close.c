// Preloaded into the tests: every pipe and socket that `close` closes stays open for a while elsewhere. A program that another test starts
// has all descriptors of the process from its fork to its exec, a child that never executes one (`InChildTests`) for seconds: so that
// happens to any of them, once in hundreds of runs. Here it happens always, and a test that takes a `close` for the end that the other
// side sees fails.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { most = 1 << 14 };

static struct {
  int descriptor;
  long long due;
} waiting[most];
static unsigned first, last;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pid_t tests;
static int milliseconds, lowest;
static unsigned long kept;

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static void *close_what_is_due(void *unused) {
  for (;;) {
    usleep(2000);
    pthread_mutex_lock(&lock);
    for (; first != last && waiting[first % most].due <= now(); first++) syscall(SYS_close, waiting[first % most].descriptor);
    pthread_mutex_unlock(&lock);
  }
  return unused;
}

static void begin(void) {
  size_t length = strlen(program_invocation_short_name);
  const char *time = getenv("LATE_CLOSE_MS");
  milliseconds = time ? atoi(time) : 40;
  // The tests' own process, and no program that they start.
  pthread_t thread;
  struct rlimit limit;
  if (length < 7 || strcmp(program_invocation_short_name + length - 7, ".xctest") != 0) return;
  // Above all numbers that the tests use.
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) lowest = (int)(limit.rlim_cur / 2);
  if (pthread_create(&thread, NULL, close_what_is_due, NULL) == 0) tests = getpid();
}

__attribute__((destructor)) static void tell(void) {
  if (tests == getpid()) fprintf(stderr, "late-close: %lu pipes and sockets stayed open for %d ms\n", kept, milliseconds);
}

static void keep(int descriptor) {
  int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, lowest);
  if (copy < 0) return;
  pthread_mutex_lock(&lock);
  if (last - first < most) {
    waiting[last % most].descriptor = copy;
    waiting[last++ % most].due = now() + milliseconds;
    kept++;
    copy = -1;
  }
  pthread_mutex_unlock(&lock);
  if (copy >= 0) syscall(SYS_close, copy);
}

int close(int descriptor) {
  struct stat status;
  pthread_once(&once, begin);
  if (tests == getpid() && fstat(descriptor, &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode))) keep(descriptor);
  return (int)syscall(SYS_close, descriptor);
}
