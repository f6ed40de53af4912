#pragma once
#include <stddef.h>
#include <stdint.h>

/// memfd_create(2) of `length` zeros, close-on-exec, which nobody can shrink or grow any more and for which there is room; -1 with errno.
int linux_memory_file(const char *name, size_t length);
/// mmap(2) of `length` bytes of `descriptor` from its beginning, shared, to read and write; NULL with errno.
void *linux_map_shared(int descriptor, size_t length);
/// munmap(2).
void linux_unmap(void *start, size_t length);

// What two processes tell each other through memory that they share: in one order for both (sequential consistency).
static inline uint64_t linux_shared_load(const void *word) { return __atomic_load_n((const uint64_t *)word, __ATOMIC_SEQ_CST); }
static inline void linux_shared_store(void *word, uint64_t value) { __atomic_store_n((uint64_t *)word, value, __ATOMIC_SEQ_CST); }
static inline uint64_t linux_shared_exchange(void *word, uint64_t value) {
  return __atomic_exchange_n((uint64_t *)word, value, __ATOMIC_SEQ_CST);
}
