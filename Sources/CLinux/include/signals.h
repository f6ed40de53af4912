#pragma once

/// Catches `signal` from now on, on whichever thread it arrives, and writes its number as one byte to `descriptor`, a
/// non-blocking pipe; -1 only catches it. Programs that are executed later have its default action. Returns -1 with errno.
int linux_report_signal(int signal, int descriptor);

/// Gives `signal` its default action again, unless it is reported elsewhere than to `descriptor` by now.
void linux_stop_reporting(int signal, int descriptor);
