#define _GNU_SOURCE
#include "CLinux.h"

#include <sys/mman.h>
#include <sys/vfs.h>

// Linux 5.14; not in every C library's headers.
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

int linux_memory_file(const char *name, size_t length) {
  int memory = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (memory < 0) return -1;
  if (ftruncate(memory, (off_t)length) == 0 && fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) return memory;
  int error = errno;
  close(memory);
  errno = error;
  return -1;
}

int linux_reserve(int memory, int64_t offset, int64_t length) { return fallocate(memory, 0, (off_t)offset, (off_t)length); }

int linux_populate(void *start, size_t length) { return madvise(start, length, MADV_POPULATE_WRITE); }

void *linux_map_shared(int descriptor, int64_t offset, size_t length) {
  void *start = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, (off_t)offset);
  return start == MAP_FAILED ? NULL : start;
}

void linux_unmap(void *start, size_t length) { munmap(start, length); }

int linux_is_in_memory(int file) {
  struct statfs status;
  return fstatfs(file, &status) == 0 && status.f_type == 0x01021994;  // TMPFS_MAGIC
}

void *linux_map_large_page(int file, int64_t offset, size_t length) {
  struct stat before, after;
  if (fstat(file, &before) < 0) return NULL;
  void *start = linux_map_shared(file, offset, length);
  if (!start) return NULL;
  // One page of it, which asks for all of a large one; where there is none, no more than that one is there. Unlike a write to it, this is
  // an error and no signal when the filesystem is full.
  if (madvise(start, length, MADV_HUGEPAGE) == 0 && linux_populate(start, (size_t)sysconf(_SC_PAGESIZE)) == 0 &&
      fstat(file, &after) == 0 && after.st_blocks - before.st_blocks >= (blkcnt_t)(length / 512))
    return start;
  munmap(start, length);
  return NULL;
}

int linux_punch_hole(int file, int64_t offset, int64_t length) {
  return fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)length);
}
