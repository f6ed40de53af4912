#pragma once
#include <stddef.h>
#include <stdint.h>

/// memfd_create(2) of `length` zeros, close-on-exec, which nobody can shrink or grow any more; -1 with errno. There is no room for them yet:
/// where it is missing later, to write is a signal that ends the process, and no error. These two make room, or fail with errno (-1).
int linux_memory_file(const char *name, size_t length);
/// fallocate(2), of a file.
int linux_reserve(int memory, int64_t offset, int64_t length);
/// madvise(2), MADV_POPULATE_WRITE, of a mapping from a page on; EINVAL before Linux 5.14.
int linux_populate(void *start, size_t length);
/// mmap(2) of `length` bytes of `descriptor` from `offset` on, shared, to read and write; NULL with errno.
void *linux_map_shared(int descriptor, int64_t offset, size_t length);
/// munmap(2).
void linux_unmap(void *start, size_t length);

/// Whether a file is in memory, in a tmpfs.
int linux_is_in_memory(int file);
/// `length` bytes of a tmpfs's file from `offset` on, both multiples of a large page's size, as one large page of memory, which holds zeros
/// and is there: to write to it needs no more room. The file must be open to read and write, and reach that far. NULL where no
/// large page is to be had; then there may be room for a small one.
void *linux_map_large_page(int file, int64_t offset, size_t length);
/// fallocate(2), FALLOC_FL_PUNCH_HOLE: `length` bytes from `offset` on are zeros and need no room; -1 with errno.
int linux_punch_hole(int file, int64_t offset, int64_t length);

// What two processes tell each other through memory that they share: in one order for both (sequential consistency).
static inline uint64_t linux_shared_load(const void *word) { return __atomic_load_n((const uint64_t *)word, __ATOMIC_SEQ_CST); }
static inline void linux_shared_store(void *word, uint64_t value) { __atomic_store_n((uint64_t *)word, value, __ATOMIC_SEQ_CST); }
static inline uint64_t linux_shared_exchange(void *word, uint64_t value) {
  return __atomic_exchange_n((uint64_t *)word, value, __ATOMIC_SEQ_CST);
}
