// Compares the agent's memmove and memcpy with copies of single bytes: every length up to a few blocks, every alignment, and every way
// in which the two places can overlap.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COPY_NAME(name) own_##name
#include "../../initrd/libc/copy.c"

enum { room = 1024 };

static void fill(unsigned char *bytes) {
  for (int i = 0; i < room; i++) bytes[i] = (unsigned char)(i * 7 + i / 256);
}

// Checks one move within `room` bytes of the heap, where the sanitizer sees what is touched outside of them.
static int differs(size_t target, size_t source, size_t length) {
  unsigned char *own = malloc(room), *expected = malloc(room), *before = malloc(room);
  fill(own), fill(expected), fill(before);
  for (size_t i = 0; i < length; i++) expected[target + i] = before[source + i];
  void *result = own_memmove(own + target, own + source, length);
  int is_wrong = result != own + target || memcmp(own, expected, room);
  free(own), free(expected), free(before);
  return is_wrong;
}

int main(void) {
  int failures = 0, cases = 0;
  for (size_t length = 0; length <= 300; length++)
    for (int distance = -310; distance <= 310; distance += distance < -20 || distance > 20 ? 29 : 1)
      for (size_t offset = 0; offset < 9; offset += 3) {
        size_t source = 350 + offset, target = (size_t)((int)source + distance);
        cases++;
        if (differs(target, source, length) && failures++ < 10)
          printf("moving %zu bytes from %zu to %zu goes wrong\n", length, source, target);
      }
  // At both ends of what may be touched.
  for (size_t length = 0; length <= 500; length++) {
    cases += 2;
    if (differs(0, room - length, length) || differs(room - length, 0, length)) failures++;
  }
  unsigned char from[room], to[room];
  fill(from);
  if (own_memcpy(to, from, room) != to || memcmp(from, to, room)) failures++;
  printf("memmove: %d of %d cases as byte by byte\n", cases - failures, cases);
  return failures > 0;
}
