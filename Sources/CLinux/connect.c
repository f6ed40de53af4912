#define _GNU_SOURCE
#include "CLinux.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/un.h>

// connect(2); closes the socket when that fails at once.
static int begin(int connection, const void *peer, socklen_t length, int *in_progress) {
  if (connection < 0 || connect(connection, peer, length) == 0) return connection;
  if (errno == EINPROGRESS) {
    *in_progress = 1;
    return connection;
  }
  int error = errno;
  close(connection);
  errno = error;
  return -1;
}

union address {
  struct sockaddr any;
  struct sockaddr_in ip4;
  struct sockaddr_in6 ip6;
};

// Fills `place` from a text; its length, or 0 with EINVAL.
static socklen_t read_address(const char *text, uint16_t port, union address *place) {
  memset(place, 0, sizeof *place);
  if (inet_pton(AF_INET, text, &place->ip4.sin_addr) == 1) {
    place->ip4.sin_family = AF_INET;
    place->ip4.sin_port = htons(port);
    return sizeof place->ip4;
  }
  memset(place, 0, sizeof *place);
  if (inet_pton(AF_INET6, text, &place->ip6.sin6_addr) == 1) {
    place->ip6.sin6_family = AF_INET6;
    place->ip6.sin6_port = htons(port);
    return sizeof place->ip6;
  }
  errno = EINVAL;
  return 0;
}

int linux_is_address(const char *address) {
  union address place;
  return read_address(address, 0, &place) != 0;
}

int linux_connect_address(const char *address, uint16_t port, int *in_progress) {
  *in_progress = 0;
  union address peer;
  socklen_t length = read_address(address, port, &peer);
  if (length == 0) return -1;
  int connection = socket(peer.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int on = 1;
  if (connection >= 0) setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return begin(connection, &peer, length, in_progress);
}

int linux_connect_unix_now(const void *path, size_t length) {
  struct sockaddr_un peer = {.sun_family = AF_UNIX};
  if (length == 0 || length >= sizeof peer.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(peer.sun_path, path, length);
  // An abstract name is as long as the address says; a path ends with a zero byte.
  int is_path = peer.sun_path[0] != 0;
  int in_progress = 0;
  return begin(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), &peer,
               offsetof(struct sockaddr_un, sun_path) + length + is_path, &in_progress);
}

int linux_finish_sending(int connection) { return shutdown(connection, SHUT_WR); }

void linux_reset_on_close(int connection) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  setsockopt(connection, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

int linux_listen_address(const char *address, uint16_t port) {
  union address own;
  socklen_t length = read_address(address, port, &own);
  if (length == 0) return -1;
  int listener = socket(own.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener < 0) return -1;
  int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (own.any.sa_family == AF_INET6) setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (bind(listener, &own.any, length) == 0 && listen(listener, SOMAXCONN) == 0) return listener;
  int error = errno;
  close(listener);
  errno = error;
  return -1;
}

uint16_t linux_bound_port(int socket) {
  union address own;
  socklen_t length = sizeof own;
  if (getsockname(socket, &own.any, &length) < 0) return 0;
  return ntohs(own.any.sa_family == AF_INET6 ? own.ip6.sin6_port : own.ip4.sin_port);
}

int linux_accept_now(int listener) {
  int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  int on = 1;
  // Fails on other than TCP sockets, where it is not needed.
  if (connection >= 0) setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return connection;
}

int linux_unsent_bytes(int connection) {
  int count = 0;
  return ioctl(connection, SIOCOUTQ, &count) < 0 ? -1 : count;
}

static int packet_socket(const char *name, struct sockaddr_un *place, socklen_t *length, int flags) {
  memset(place, 0, sizeof *place);
  place->sun_family = AF_UNIX;
  size_t count = strnlen(name, sizeof place->sun_path - 2);
  memcpy(place->sun_path + 1, name, count);
  *length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + count);
  return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);
}

static int closed_unless(int succeeded, int socket) {
  if (succeeded) return socket;
  int error = errno;
  close(socket);
  errno = error;
  return -1;
}

int linux_listen_packets(const char *name) {
  struct sockaddr_un place;
  socklen_t length;
  int listener = packet_socket(name, &place, &length, SOCK_NONBLOCK);
  if (listener < 0) return -1;
  return closed_unless(bind(listener, (struct sockaddr *)&place, length) == 0 && listen(listener, 1) == 0, listener);
}

int linux_connect_packets(const char *name) {
  struct sockaddr_un place;
  socklen_t length;
  int connection = packet_socket(name, &place, &length, SOCK_NONBLOCK);
  if (connection < 0) return -1;
  return closed_unless(connect(connection, (struct sockaddr *)&place, length) == 0, connection);
}
