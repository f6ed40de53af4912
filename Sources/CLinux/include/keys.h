#pragma once
#include <stddef.h>

/// Keeps `length` bytes under `name` in the kernel's keyring of this process's user (user-keyring(7)), in place of what was there, for at most
/// so many seconds; 0, or -1 with errno, as where a sandbox forbids it.
int linux_keep_key(const char *name, const void *bytes, size_t length, unsigned seconds);
/// What is kept under `name`: the count of its bytes, of which at most `capacity` are copied; -1 with errno.
long linux_kept_key(const char *name, void *bytes, size_t capacity);
/// Keeps it no longer.
void linux_forget_key(const char *name);
