#define _GNU_SOURCE
#include "CLinux.h"

#include <sys/syscall.h>

// From linux/keyctl.h, which not every C library's headers come with.
enum { key_unlink = 9, key_search = 10, key_read = 11, key_set_timeout = 15, user_keyring = -4 };

static long find(const char *name) { return syscall(SYS_keyctl, key_search, user_keyring, "user", name, 0); }

int linux_keep_key(const char *name, const void *bytes, size_t length, unsigned seconds) {
  long key = syscall(SYS_add_key, "user", name, bytes, length, user_keyring);
  if (key < 0) return -1;
  return (int)syscall(SYS_keyctl, key_set_timeout, key, seconds);
}

long linux_kept_key(const char *name, void *bytes, size_t capacity) {
  long key = find(name);
  return key < 0 ? -1 : syscall(SYS_keyctl, key_read, key, bytes, capacity);
}

void linux_forget_key(const char *name) {
  long key = find(name);
  if (key >= 0) syscall(SYS_keyctl, key_unlink, key, user_keyring);
}
