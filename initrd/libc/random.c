// Random bytes that never wait for the kernel's entropy, in place of glibc's, which do. Swift seeds its hash tables with them, in
// the first moments of a guest; a process that waits there keeps the processor busy for a second (try_to_generate_entropy in the
// kernel's drivers/char/random.c), and with it whoever would load the driver of virtio-rng.
#include <errno.h>
#include <sys/random.h>

void arc4random_buf(void *buffer, size_t length) {
  char *next = buffer;
  unsigned flags = GRND_INSECURE;
  while (length > 0) {
    // 256 bytes are never interrupted by a signal.
    ssize_t count = getrandom(next, length < 256 ? length : 256, flags);
    // A kernel before 5.6 does not know GRND_INSECURE.
    if (count < 0 && errno == EINVAL && flags != 0) flags = 0;
    else if (count < 0 && errno != EINTR) __builtin_trap();
    else if (count > 0) next += count, length -= (size_t)count;
  }
}
