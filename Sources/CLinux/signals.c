#include "CLinux.h"

#include <stdatomic.h>

// The write end of the pipe that each signal is reported to, plus one; 0 for none.
static atomic_int report_to[65];

// May interrupt anything, on any thread: async-signal-safe calls only.
static void report(int signal) {
  int error = errno;
  int descriptor = atomic_load(&report_to[signal]) - 1;
  unsigned char number = (unsigned char)signal;
  // A full pipe has enough signals in it to be acted on.
  if (descriptor >= 0 && write(descriptor, &number, 1) < 0) errno = error;
  errno = error;
}

int linux_report_signal(int signal, int descriptor) {
  if (signal < 1 || signal > 64) {
    errno = EINVAL;
    return -1;
  }
  atomic_store(&report_to[signal], descriptor + 1);
  struct sigaction action = {.sa_handler = report, .sa_flags = SA_RESTART};
  sigfillset(&action.sa_mask);
  return sigaction(signal, &action, NULL);
}

void linux_stop_reporting(int signal, int descriptor) {
  int expected = descriptor + 1;
  if (signal < 1 || signal > 64 || !atomic_compare_exchange_strong(&report_to[signal], &expected, 0)) return;
  struct sigaction action = {.sa_handler = SIG_DFL};
  sigaction(signal, &action, NULL);
}
