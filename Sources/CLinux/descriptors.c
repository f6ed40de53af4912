#define _GNU_SOURCE
#include "CLinux.h"

#include <sys/file.h>
#include <sys/time.h>
#include <sys/un.h>

static int unix_socket(const char *path, struct sockaddr_un *address) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  if (strlen(path) >= sizeof address->sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  strcpy(address->sun_path, path);
  return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int close_keeping_errno(int descriptor) {
  int error = errno;
  close(descriptor);
  errno = error;
  return -1;
}

int linux_listen_unix(const char *path) {
  struct sockaddr_un address;
  int listener = unix_socket(path, &address);
  if (listener < 0) return -1;
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 128) < 0) return close_keeping_errno(listener);
  return listener;
}

int linux_accept(int listener, int timeout_milliseconds) {
  int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  if (connection < 0) return -1;
  struct timeval timeout = {timeout_milliseconds / 1000, timeout_milliseconds % 1000 * 1000};
  setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  return connection;
}

int linux_connect_unix(const char *path) {
  struct sockaddr_un address;
  int connection = unix_socket(path, &address);
  if (connection < 0) return -1;
  if (connect(connection, (struct sockaddr *)&address, sizeof address) < 0) return close_keeping_errno(connection);
  return connection;
}

int linux_send_descriptor(int connection, const void *bytes, size_t length, int passed) {
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control;
  memset(&control, 0, sizeof control);
  struct iovec content = {(void *)bytes, length};
  struct msghdr message = {.msg_iov = &content, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &passed, sizeof passed);
  return sendmsg(connection, &message, MSG_NOSIGNAL) == (ssize_t)length ? 0 : -1;
}

long linux_receive_descriptor(int connection, void *bytes, size_t capacity, int *passed) {
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control;
  struct iovec content = {bytes, capacity};
  struct msghdr message = {.msg_iov = &content, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  *passed = -1;
  ssize_t count = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
  if (count < 0) return -1;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header))
    if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof(int)))
      memcpy(passed, CMSG_DATA(header), sizeof *passed);
  return count;
}

int linux_try_lock(int descriptor) { return flock(descriptor, LOCK_EX | LOCK_NB); }

void linux_unlock(int descriptor) { flock(descriptor, LOCK_UN); }

_Static_assert(sizeof(struct linux_peer) == sizeof(struct ucred), "linux_peer is the kernel's ucred");

int linux_peer_of(int connection, struct linux_peer *peer) {
  socklen_t length = sizeof *peer;
  return getsockopt(connection, SOL_SOCKET, SO_PEERCRED, peer, &length);
}

int linux_peer_option(void) { return SO_PEERCRED; }
