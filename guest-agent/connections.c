/* Ends connections to the outside, which a restored machine would otherwise wait for in vain. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent.h"

#define ENDING (1 << TCP_LISTEN | 1 << TCP_CLOSE | 1 << TCP_TIME_WAIT)

struct query {
  struct nlmsghdr header;
  struct inet_diag_req_v2 request;
};

static bool is_loopback(uint8_t family, const uint32_t *address) {
  static const uint32_t six[4] = {0, 0, 0, 0x01000000};
  if (family == AF_INET6 && memcmp(address, six, sizeof six) == 0) return true;
  bool mapped = family == AF_INET6 && address[0] == 0 && address[1] == 0 && address[2] == htonl(0xffff);
  if (family == AF_INET6 && !mapped) return false;
  return (ntohl(address[mapped ? 3 : 0]) >> 24) == 127;
}

static void destroy(int fd, const struct inet_diag_msg *socket) {
  struct query q = {
      .header = {.nlmsg_len = sizeof q, .nlmsg_type = SOCK_DESTROY, .nlmsg_flags = NLM_F_REQUEST},
      .request = {.sdiag_family = socket->idiag_family, .sdiag_protocol = IPPROTO_TCP, .id = socket->id}};
  (void)!send(fd, &q, sizeof q, 0);
}

static bool reset_family(uint8_t family) {
  int list = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  int act = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  struct query q = {
      .header = {.nlmsg_len = sizeof q, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
      .request = {.sdiag_family = family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~(uint32_t)ENDING}};
  bool done = list >= 0 && act >= 0 && send(list, &q, sizeof q, 0) > 0, more = done;
  static char buffer[32768] __attribute__((aligned(8)));
  while (more) {
    ssize_t length = recv(list, buffer, sizeof buffer, 0);
    if (length <= 0) done = false;
    more = length > 0;
    size_t left = length > 0 ? (size_t)length : 0;
    for (struct nlmsghdr *h = (struct nlmsghdr *)buffer; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
      if (h->nlmsg_type == NLMSG_DONE) more = false;
      if (h->nlmsg_type == NLMSG_ERROR) done = more = false;
      if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY) continue;
      const struct inet_diag_msg *found = NLMSG_DATA(h);
      if (!is_loopback(family, found->id.idiag_src)) destroy(act, found);
    }
  }
  if (list >= 0) close(list);
  if (act >= 0) close(act);
  return done;
}

bool connections_reset(void) {
  bool four = reset_family(AF_INET);
  return reset_family(AF_INET6) && four;
}
