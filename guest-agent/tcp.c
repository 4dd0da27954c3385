/* Connections to 127.0.0.1 inside the MicroVM, ::1 where nobody listens on the former. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent.h"

/* 0 or the error; EINPROGRESS when it is under way. */
static int start_connecting(struct watch *watch, uint16_t port, bool ipv6) {
  int fd = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct sockaddr_in v4 = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct sockaddr_in6 v6 = {
      .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  int result = ipv6 ? connect(fd, (struct sockaddr *)&v6, sizeof v6) : connect(fd, (struct sockaddr *)&v4, sizeof v4);
  int error = result == 0 ? 0 : errno;
  if (error != 0 && error != EINPROGRESS) {
    close(fd);
    return error;
  }
  watch->fd = fd;
  watch->interest = 0;
  return error;
}

static void connected_or_not(struct stream *stream, int error) {
  if (error == ECONNREFUSED && !stream->ipv6) {
    stream->ipv6 = true;
    watch_close(&stream->watch);
    error = start_connecting(&stream->watch, stream->port, true);
    if (error == EINPROGRESS) {
      watch_for(&stream->watch, EPOLLOUT);
      return;
    }
  }
  if (error != 0) {
    if (error == ECONNREFUSED || error == EADDRNOTAVAIL || error == EAFNOSUPPORT)
      refuse(stream->id, REFUSED_PORT_CLOSED, "nobody listens on that port");
    else
      refuse(stream->id, REFUSED_FAILED, strerror(error));
    stream_drop(stream);
    return;
  }
  watch_for(&stream->watch, 0);
  stream_opened(stream);
}

void tcp_connected(struct stream *stream) {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(stream->watch.fd, SOL_SOCKET, SO_ERROR, &error, &length);
  connected_or_not(stream, error);
}

void tcp_open(uint32_t id, uint16_t port, uint32_t credit) {
  struct stream *stream = stream_new(id, STREAM_TCP, -1, credit);
  if (stream == NULL) {
    refuse(id, REFUSED_LIMIT, "out of memory");
    return;
  }
  stream->port = port;
  int error = start_connecting(&stream->watch, port, false);
  if (error == EINPROGRESS)
    watch_for(&stream->watch, EPOLLOUT);
  else
    connected_or_not(stream, error);
}
