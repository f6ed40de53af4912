#pragma once
#include <stddef.h>
#include <stdint.h>

/// A listening UNIX stream socket at `path` (which must not exist), close-on-exec; -1 with errno.
int linux_listen_unix(const char *path);
/// Accepts a connection, close-on-exec, whose receives fail with EAGAIN after `timeout_milliseconds`.
int linux_accept(int listener, int timeout_milliseconds);
/// Connects to the UNIX stream socket at `path`.
int linux_connect_unix(const char *path);
/// POLLRDHUP of poll(2), which C libraries show only to who asks for it.
enum { linux_poll_half_close = 0x2000 };
/// Sends `length` bytes and the descriptor `passed` (SCM_RIGHTS) in one message; 0, or -1 with errno.
int linux_send_descriptor(int connection, const void *bytes, size_t length, int passed);
/// Receives at most `capacity` bytes and at most one descriptor, which the caller closes; *passed is -1 without one.
/// Returns the count of bytes, or -1 with errno.
long linux_receive_descriptor(int connection, void *bytes, size_t capacity, int *passed);
/// Who connected a UNIX socket, or was connected to: what SO_PEERCRED tells (`struct ucred` of `man 7 unix`).
struct linux_peer {
  int32_t process;
  uint32_t user;
  uint32_t group;
};
/// The peer of a connected UNIX socket; -1 with errno.
int linux_peer_of(int connection, struct linux_peer *peer);
/// The option's number, at the level SOL_SOCKET.
int linux_peer_option(void);
/// Gives that lock back at once, also where a child that has not yet executed its program still has the descriptor.
void linux_unlock(int descriptor);

/// Takes the advisory lock of an open directory or file without waiting (flock(2)); -1 with EWOULDBLOCK when another has it.
int linux_try_lock(int descriptor);
