#define _GNU_SOURCE
#include "CLinux.h"

#include <termios.h>

int linux_open_terminal(unsigned short rows, unsigned short columns, int *other) {
  int controlling = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (controlling < 0) return -1;
  int unlocked = 0;
  struct winsize size = {.ws_row = rows, .ws_col = columns};
  struct termios modes;
  if (ioctl(controlling, TIOCSPTLCK, &unlocked) < 0 || ioctl(controlling, TIOCSWINSZ, &size) < 0 ||
      (*other = ioctl(controlling, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0) {
    int error = errno;
    close(controlling);
    errno = error;
    return -1;
  }
  // So that the line editor of the kernel deletes characters, not bytes.
  if (tcgetattr(*other, &modes) == 0) {
    modes.c_iflag |= IUTF8;
    tcsetattr(*other, TCSANOW, &modes);
  }
  return controlling;
}

int linux_set_terminal_size(int descriptor, unsigned short rows, unsigned short columns) {
  struct winsize size = {.ws_row = rows, .ws_col = columns};
  return ioctl(descriptor, TIOCSWINSZ, &size);
}

int linux_terminal_size(int descriptor, unsigned short *rows, unsigned short *columns) {
  struct winsize size;
  if (ioctl(descriptor, TIOCGWINSZ, &size) < 0) return -1;
  if (size.ws_row == 0 || size.ws_col == 0) {
    errno = ENODATA;
    return -1;
  }
  *rows = size.ws_row;
  *columns = size.ws_col;
  return 0;
}

pid_t linux_terminal_foreground(int descriptor) {
  pid_t group = -1;
  return ioctl(descriptor, TIOCGPGRP, &group) < 0 ? -1 : group;
}

static int raw_descriptor = -1;
static struct termios saved_modes;

static int is_in_foreground(int descriptor) { return tcgetpgrp(descriptor) == getpgrp(); }

void linux_terminal_restore(void) {
  int descriptor = raw_descriptor;
  raw_descriptor = -1;
  if (descriptor >= 0 && is_in_foreground(descriptor)) tcsetattr(descriptor, TCSANOW, &saved_modes);
}

static void restore_and_die(int number) {
  // The handler was reset on entry: the signal acts when it returns.
  if (raw_descriptor >= 0) tcsetattr(raw_descriptor, TCSANOW, &saved_modes);
  raise(number);
}

static void restore_on_crashes(void) {
  static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGABRT, SIGFPE, SIGSYS};
  static int done;
  if (done) return;
  done = 1;
  struct sigaction action = {.sa_handler = restore_and_die, .sa_flags = (int)SA_RESETHAND};
  for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) sigaction(crashes[i], &action, NULL);
  atexit(linux_terminal_restore);
}

int linux_terminal_make_raw(int descriptor) {
  if (!is_in_foreground(descriptor)) {
    errno = EAGAIN;
    return -1;
  }
  // What it was before it was raw: when it is raw already, that is known.
  if (raw_descriptor < 0 && tcgetattr(descriptor, &saved_modes) < 0) return -1;
  struct termios modes = saved_modes;
  cfmakeraw(&modes);
  restore_on_crashes();
  raw_descriptor = descriptor;
  return tcsetattr(descriptor, TCSANOW, &modes);
}
