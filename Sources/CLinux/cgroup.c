#define _GNU_SOURCE
#include "CLinux.h"

#include <sys/mount.h>

static int write_file(int directory, const char *name, const char *text) {
  int file = openat(directory, name, O_WRONLY | O_CLOEXEC);
  if (file < 0) return -1;
  ssize_t count = write(file, text, strlen(text));
  close(file);
  return count < 0 ? -1 : 0;
}

static long number_in(const char *path) {
  char text[32] = "";
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  if (read(file, text, sizeof text - 1) < 0) text[0] = 0;
  close(file);
  return atol(text);
}

// The root of the one hierarchy of cgroup v2, on a mount that is attached nowhere and ends with its last descriptor.
static int open_hierarchy(void) {
  int context = fsopen("cgroup2", FSOPEN_CLOEXEC);
  if (context < 0) return -1;
  int root = fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ? -1 : fsmount(context, FSMOUNT_CLOEXEC, 0);
  close(context);
  return root;
}

static int make_group(int root, const char *name) {
  if (write_file(root, "cgroup.subtree_control", "+pids") < 0) return -1;
  if (mkdirat(root, name, 0755) < 0 && errno != EEXIST) return -1;
  int group = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (group < 0) return -1;
  long processes = number_in("/proc/sys/kernel/pid_max"), threads = number_in("/proc/sys/kernel/threads-max");
  long most = threads < processes ? threads : processes;
  char limit[32];
  snprintf(limit, sizeof limit, "%ld", most - most / 4);
  int members = write_file(group, "pids.max", limit) < 0 ? -1 : openat(group, "cgroup.procs", O_WRONLY | O_CLOEXEC);
  close(group);
  return members;
}

int linux_make_process_group_limit(const char *name) {
  int root = open_hierarchy();
  if (root < 0) return -1;
  int members = make_group(root, name);
  close(root);
  return members;
}
