#pragma once
#include <sys/types.h>

/// A new pseudo-terminal of this size (`man 7 pty`): its controlling end, close-on-exec; -1 with errno. `*other` is the
/// program's end, opened through the first, so that it needs no name.
int linux_open_terminal(unsigned short rows, unsigned short columns, int *other);
/// Sets a terminal's size; its foreground processes get SIGWINCH when that changes it.
int linux_set_terminal_size(int descriptor, unsigned short rows, unsigned short columns);
/// The size of a terminal; -1 with errno when `descriptor` is none, or has no size.
int linux_terminal_size(int descriptor, unsigned short *rows, unsigned short *columns);
/// The process group in a terminal's foreground, or -1: also from the controlling end.
pid_t linux_terminal_foreground(int descriptor);

// One terminal of a process that puts it back whatever happens: state for a signal handler, and so kept here.
/// Makes the terminal raw (`man 3 cfmakeraw`), and sees to it that a crash or exit(3) puts it back. Only while this process is
/// in the terminal's foreground; -1 with errno, EAGAIN when it is not.
int linux_terminal_make_raw(int descriptor);
/// Puts the terminal back as it was, unless that was done, or another process group is in its foreground.
void linux_terminal_restore(void);
