#define _GNU_SOURCE
#include "CLinux.h"

#include <sys/mman.h>

int linux_memory_file(const char *name, size_t length) {
  int memory = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (memory < 0) return -1;
  // All of it now: later it would be a signal that ends the process, and no error.
  if (fallocate(memory, 0, 0, (off_t)length) == 0 && fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) return memory;
  int error = errno;
  close(memory);
  errno = error;
  return -1;
}

void *linux_map_shared(int descriptor, size_t length) {
  void *start = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  return start == MAP_FAILED ? NULL : start;
}

void linux_unmap(void *start, size_t length) { munmap(start, length); }
