#pragma once
#include <stddef.h>
#include <stdint.h>

/// Starts a non-blocking TCP connection to an IPv4 or IPv6 address in text; EINVAL for a text that is neither. Returns the
/// socket, close-on-exec, or -1 with errno; *in_progress is 1 while the connection is being made.
int linux_connect_address(const char *address, uint16_t port, int *in_progress);
/// Connects a non-blocking socket to a UNIX stream socket; a first byte of 0 means the abstract namespace. -1 with EAGAIN
/// while the listener's queue is full.
int linux_connect_unix_now(const void *path, size_t length);
/// shutdown(2): no more is sent, receiving goes on.
int linux_finish_sending(int connection);
/// Makes close(2) reset a TCP connection instead of ending it in order (SO_LINGER).
void linux_reset_on_close(int connection);
/// A non-blocking listening TCP socket, close-on-exec, on an IPv4 or IPv6 address in text, the latter for IPv6 only; port 0 takes
/// a free one. -1 with errno.
int linux_listen_address(const char *address, uint16_t port);
/// The port that a TCP socket is bound to, or 0.
uint16_t linux_bound_port(int socket);
/// accept4(2): close-on-exec and non-blocking; a TCP connection sends small pieces at once.
int linux_accept_now(int listener);
/// 1 when `address` is an IPv4 or IPv6 address in text.
int linux_is_address(const char *address);
/// Bytes that a TCP connection has not yet got acknowledged (SIOCOUTQ), or -1.
int linux_unsent_bytes(int connection);
/// Sockets in the abstract namespace that keep message boundaries (SOCK_SEQPACKET), close-on-exec and non-blocking: one that
/// listens, and one that is connected to it. -1 with errno: EADDRINUSE where somebody listens, ECONNREFUSED where nobody does.
int linux_listen_packets(const char *name);
int linux_connect_packets(const char *name);
