#define _GNU_SOURCE
#include "CLinux.h"

#include <arpa/inet.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

static void set_address(struct sockaddr *place, uint32_t address) {
  struct sockaddr_in *internet = (struct sockaddr_in *)place;
  memset(internet, 0, sizeof *internet);
  internet->sin_family = AF_INET;
  internet->sin_addr.s_addr = htonl(address);
}

int linux_configure_interface(const char *name, uint32_t address, int prefix) {
  int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (control < 0) return -1;
  struct ifreq request;
  memset(&request, 0, sizeof request);
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  int result = -1;
  set_address(&request.ifr_addr, address);
  if (ioctl(control, SIOCSIFADDR, &request) < 0) goto end;
  set_address(&request.ifr_netmask, prefix == 0 ? 0 : ~(uint32_t)0 << (32 - prefix));
  if (ioctl(control, SIOCSIFNETMASK, &request) < 0) goto end;
  if (ioctl(control, SIOCGIFFLAGS, &request) < 0) goto end;
  request.ifr_flags |= IFF_UP | IFF_RUNNING;
  result = ioctl(control, SIOCSIFFLAGS, &request);
end:;
  int error = errno;
  close(control);
  errno = error;
  return result;
}

int linux_add_default_route(uint32_t gateway) {
  int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (control < 0) return -1;
  struct rtentry route;
  memset(&route, 0, sizeof route);
  set_address(&route.rt_dst, 0);
  set_address(&route.rt_genmask, 0);
  set_address(&route.rt_gateway, gateway);
  route.rt_flags = RTF_UP | RTF_GATEWAY;
  int result = ioctl(control, SIOCADDRT, &route);
  int error = errno;
  close(control);
  errno = error;
  return result;
}

// connect(2) on a non-blocking socket; closes it when that fails.
static int begin_connection(int connection, const struct sockaddr *peer, socklen_t length, int *in_progress) {
  *in_progress = 0;
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

int linux_connect_tcp(uint32_t address, uint16_t port, int *in_progress) {
  int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int on = 1;
  if (connection >= 0) setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct sockaddr_in peer;
  set_address((struct sockaddr *)&peer, address);
  peer.sin_port = htons(port);
  return begin_connection(connection, (struct sockaddr *)&peer, sizeof peer, in_progress);
}

int linux_connect_vsock(uint32_t cid, uint32_t port, int *in_progress) {
  int connection = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  struct sockaddr_vm peer = {.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port};
  return begin_connection(connection, (struct sockaddr *)&peer, sizeof peer, in_progress);
}

int linux_socket_error(int descriptor) {
  int error = 0;
  socklen_t length = sizeof error;
  return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) < 0 ? errno : error;
}

int linux_packet_pair(int pair[2]) { return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair); }
