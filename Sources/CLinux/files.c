#define _GNU_SOURCE
#include "CLinux.h"

#include <limits.h>
#include <linux/loop.h>
#include <linux/openat2.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static int no_follow(int follow) { return follow ? 0 : O_NOFOLLOW; }

int linux_open_directory(int directory, const char *name, int follow) {
  return openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | no_follow(follow));
}

int linux_open_to_read(int directory, const char *name, int follow) {
  return openat(directory, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | no_follow(follow));
}

int linux_rename_new(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE); }

int linux_is_claimed(const char *device) {
  int descriptor = open(device, O_RDONLY | O_EXCL | O_CLOEXEC);
  if (descriptor < 0) return errno == EBUSY;
  close(descriptor);
  return 0;
}

// Opens what `path` leads to below `root`, and makes the directory that is missing in `parent` under the last name.
static int enter(int root, int parent, const char *path) {
  struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
  int found = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
  if (found >= 0 || errno != ENOENT) return found;
  const char *name = strrchr(path, '/') + 1;
  if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST) return -1;
  return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

int linux_make_directory_below(const char *root, const char *path) {
  char part[PATH_MAX];
  if (strlen(path) >= sizeof part) {
    errno = ENAMETOOLONG;
    return -1;
  }
  int top = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int here = top < 0 ? -1 : fcntl(top, F_DUPFD_CLOEXEC, 0);
  for (size_t length = 1; here >= 0 && path[length - 1]; length++) {
    if (path[length] != '/' && path[length] != 0) continue;
    if (path[length - 1] == '/') continue;
    memcpy(part, path, length);
    part[length] = 0;
    int next = enter(top, here, part);
    int error = errno;
    close(here);
    here = next;
    errno = error;
  }
  int error = errno;
  if (top >= 0) close(top);
  errno = error;
  return here;
}

int linux_create_file(int directory, const char *name) {
  return openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

// To read, too, so that it can be mapped.
int linux_create_unnamed(int directory) { return openat(directory, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600); }

int linux_name_unnamed(int descriptor, int directory, const char *name) {
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
  return linkat(AT_FDCWD, path, directory, name, AT_SYMLINK_FOLLOW);
}

const char *linux_next_name(DIR *stream) {
  for (;;) {
    errno = 0;
    struct dirent *entry = readdir(stream);
    if (!entry) return NULL;
    if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) return entry->d_name;
  }
}

int64_t linux_seek_data(int descriptor, int64_t from) { return lseek(descriptor, from, SEEK_DATA); }
int64_t linux_seek_hole(int descriptor, int64_t from) { return lseek(descriptor, from, SEEK_HOLE); }

void linux_raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int linux_loop_backing(int descriptor, uint64_t *device, uint64_t *inode) {
  struct loop_info64 information;
  if (ioctl(descriptor, LOOP_GET_STATUS64, &information) < 0) return -1;
  *device = information.lo_device;
  *inode = information.lo_inode;
  return 0;
}

// `..` of a process's root is that root, and then what is mounted over it: the way to the new root (fs/namei.c, handle_dots).
static void link_above(int directory, const char *name) {
  char target[260];
  snprintf(target, sizeof target, "/../%s", name);
  symlinkat(target, directory, name);
}

void linux_link_to_root_above(int directory) {
  // What a system makes only as it starts comes under one of these names.
  static const char *const usual[] = {"bin", "etc", "home", "lib", "lib64", "mnt", "opt", "sbin", "srv", "usr", "var"};
  for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) link_above(directory, usual[i]);
  DIR *root = opendir("/");
  if (!root) return;
  for (const char *name; (name = linux_next_name(root));) link_above(directory, name);
  closedir(root);
}
