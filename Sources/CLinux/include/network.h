#pragma once
#include <stdint.h>

/// Sets address and prefix of an interface and brings it up (`man 7 netdevice`). `address` is in host byte order.
int linux_configure_interface(const char *name, uint32_t address, int prefix);
/// Adds a default route through `gateway` (host byte order).
int linux_add_default_route(uint32_t gateway);
/// Starts a non-blocking TCP connection. Returns the socket; *in_progress is 1 while the connection is being made.
int linux_connect_tcp(uint32_t address, uint16_t port, int *in_progress);
/// Starts a non-blocking AF_VSOCK connection, as `linux_connect_tcp` does.
int linux_connect_vsock(uint32_t cid, uint32_t port, int *in_progress);
/// The pending error of a socket (SO_ERROR), 0 when there is none.
int linux_socket_error(int descriptor);
/// A connected pair of SOCK_SEQPACKET sockets, close-on-exec unless `inherit`.
int linux_packet_pair(int pair[2]);
