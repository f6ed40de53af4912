// memmove and memcpy in whole words, in place of glibc's. Under QEMU's TCG, 128-bit moves are helper calls or pairs of loads, and
// `rep movsb` goes byte by byte: words in general registers copy three times as fast as the first, twelve times as the second. Real
// processors copy 8 bytes per cycle so, which is far more than any link brings.
#include <stddef.h>
#include <stdint.h>

// The comparison with the C library's in Tests/AgentLibc gives them names of their own.
#ifndef COPY_NAME
#define COPY_NAME(name) name
#endif

typedef uint64_t __attribute__((may_alias, aligned(1))) word;
typedef uint32_t __attribute__((may_alias, aligned(1))) half;
typedef uint16_t __attribute__((may_alias, aligned(1))) quarter;

enum { size = sizeof(word), block = 8 * sizeof(word) };

// Up to 16 bytes: all are read before any is written.
static void move_few(unsigned char *to, const unsigned char *from, size_t length) {
  if (length >= 8) {
    word first = *(const word *)from, last = *(const word *)(from + length - 8);
    *(word *)to = first;
    *(word *)(to + length - 8) = last;
  } else if (length >= 4) {
    half first = *(const half *)from, last = *(const half *)(from + length - 4);
    *(half *)to = first;
    *(half *)(to + length - 4) = last;
  } else if (length >= 2) {
    quarter first = *(const quarter *)from, last = *(const quarter *)(from + length - 2);
    *(quarter *)to = first;
    *(quarter *)(to + length - 2) = last;
  } else if (length > 0) {
    *to = *from;
  }
}

static inline void move_block(unsigned char *to, const unsigned char *from) {
  const word *source = (const word *)from;
  word *target = (word *)to;
  word a = source[0], b = source[1], c = source[2], d = source[3], e = source[4], f = source[5], g = source[6], h = source[7];
  target[0] = a, target[1] = b, target[2] = c, target[3] = d, target[4] = e, target[5] = f, target[6] = g, target[7] = h;
}

// Aligned to more than its length, so that no loop of it lies on two pages: TCG ends a block where a page ends and looks the next one up by
// its address, twice for each 64 bytes when the loop below did.
__attribute__((aligned(512), noinline)) void *COPY_NAME(memmove)(void *target, const void *source, size_t length) {
  unsigned char *to = target;
  const unsigned char *from = source;
  if (length <= 16) {
    move_few(to, from, length);
  } else if ((uintptr_t)to - (uintptr_t)from >= length) {
    // Forwards: what is written is not to be read any more. The last word is read first, since it may overlap the one before.
    word last = *(const word *)(from + length - size);
    unsigned char *end = to + length - size;
    for (; length > block; length -= block, to += block, from += block) move_block(to, from);
    for (; to < end; to += size, from += size) *(word *)to = *(const word *)from;
    *(word *)end = last;
  } else {
    // Backwards, likewise.
    word first = *(const word *)from;
    for (; length > block; length -= block) move_block(to + length - block, from + length - block);
    for (; length > size; length -= size) *(word *)(to + length - size) = *(const word *)(from + length - size);
    *(word *)target = first;
  }
  return target;
}

void *COPY_NAME(memcpy)(void *restrict target, const void *restrict source, size_t length) {
  return COPY_NAME(memmove)(target, source, length);
}
