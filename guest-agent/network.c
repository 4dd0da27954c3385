/* The guest's network: an Ethernet card that the host gives an address or none, and addresses that the agent itself serves. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent.h"

#define CARD "eth0"
/* A pair of interfaces: this one among the container's, its peer in a namespace that only the agent's listeners are in. */
#define SERVICES "squib0"
#define PEER "squib1"
#define SERVICES_ADDRESS "169.254.53.54"
#define SERVICES_PREFIX 30

static int control_socket(void) { return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); }

static struct sockaddr_in inet(uint32_t address) {
  return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = address};
}

/* The routes go with it. */
static bool take_address(int fd, const char *name) {
  struct ifreq request = {0};
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  struct sockaddr_in none = inet(0);
  memcpy(&request.ifr_addr, &none, sizeof none);
  return ioctl(fd, SIOCSIFADDR, &request) == 0;
}

static bool set_up(int fd, const char *name, bool up) {
  struct ifreq request = {0};
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  if (ioctl(fd, SIOCGIFFLAGS, &request) != 0) return false;
  if (up) request.ifr_flags |= IFF_UP;
  else request.ifr_flags &= (short)~IFF_UP;
  return ioctl(fd, SIOCSIFFLAGS, &request) == 0;
}

static bool add_route(int fd, uint32_t to, uint32_t mask, uint32_t gateway, char *device) {
  struct rtentry route = {.rt_flags = RTF_UP, .rt_dev = device};
  struct sockaddr_in value = inet(to);
  memcpy(&route.rt_dst, &value, sizeof value);
  value = inet(mask);
  memcpy(&route.rt_genmask, &value, sizeof value);
  if (mask == INADDR_NONE) route.rt_flags |= RTF_HOST;
  if (gateway != 0) {
    value = inet(gateway);
    memcpy(&route.rt_gateway, &value, sizeof value);
    route.rt_flags |= RTF_GATEWAY;
  }
  return ioctl(fd, SIOCADDRT, &route) == 0;
}

static void without_ipv6(const char *name) {
  char path[80];
  snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
  write_file(path, "1");
}

/* Attributes of one rtnetlink message, written one behind the other. */
struct message {
  struct nlmsghdr header;
  union {
    struct ifinfomsg info;
    struct ifaddrmsg address;
  };
  char attributes[256];
};

static struct rtattr *append(struct message *m, unsigned short type, const void *data, size_t length) {
  struct rtattr *attribute = (struct rtattr *)((char *)m + NLMSG_ALIGN(m->header.nlmsg_len));
  attribute->rta_type = type;
  attribute->rta_len = (unsigned short)RTA_LENGTH(length);
  if (length > 0) memcpy(RTA_DATA(attribute), data, length);
  m->header.nlmsg_len = (uint32_t)(NLMSG_ALIGN(m->header.nlmsg_len) + RTA_SPACE(length));
  return attribute;
}

static void close_nest(struct message *m, struct rtattr *nest) {
  nest->rta_len = (unsigned short)((char *)m + m->header.nlmsg_len - (char *)nest);
}

/* Sends a message and reads what the kernel says to it. False with errno when it refuses. */
static bool tell_kernel(const struct message *m) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  struct {
    struct nlmsghdr header;
    struct nlmsgerr error;
    char rest[512];
  } answer;
  bool sent = fd >= 0 && send(fd, m, m->header.nlmsg_len, 0) > 0 && recv(fd, &answer, sizeof answer, 0) > 0;
  if (fd >= 0) close(fd);
  if (sent && answer.header.nlmsg_type == NLMSG_ERROR) errno = -answer.error.error;
  return sent && answer.header.nlmsg_type == NLMSG_ERROR && answer.error.error == 0;
}

/* In one step, other than by ioctl, where the address comes first with a mask that is then changed. */
static bool add_address(const char *name, uint32_t address, uint8_t prefix) {
  struct message m = {.header = {.nlmsg_len = NLMSG_LENGTH(sizeof m.address), .nlmsg_type = RTM_NEWADDR,
                                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE},
                      .address = {.ifa_family = AF_INET, .ifa_prefixlen = prefix, .ifa_index = if_nametoindex(name)}};
  append(&m, IFA_LOCAL, &address, sizeof address);
  append(&m, IFA_ADDRESS, &address, sizeof address);
  return tell_kernel(&m);
}

/* SERVICES here, PEER in the namespace `other`. */
static bool make_pair(int other) {
  struct message m = {.header = {.nlmsg_len = NLMSG_LENGTH(sizeof m.info), .nlmsg_type = RTM_NEWLINK,
                                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL}};
  append(&m, IFLA_IFNAME, SERVICES, sizeof SERVICES);
  struct rtattr *link = append(&m, IFLA_LINKINFO, NULL, 0);
  append(&m, IFLA_INFO_KIND, "veth", 4);
  struct rtattr *data = append(&m, IFLA_INFO_DATA, NULL, 0);
  struct ifinfomsg none = {0};
  struct rtattr *peer = append(&m, VETH_INFO_PEER, &none, sizeof none);
  append(&m, IFLA_IFNAME, PEER, sizeof PEER);
  append(&m, IFLA_NET_NS_FD, &other, sizeof other);
  close_nest(&m, peer);
  close_nest(&m, data);
  close_nest(&m, link);
  return tell_kernel(&m);
}

/*
 * The listeners of the services cannot sit among the container's addresses: an application that binds 0.0.0.0:80
 * would find port 80 taken. So they live in a namespace of their own behind a pair of interfaces.
 */
static bool services_namespace(void) {
  int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (own < 0 || unshare(CLONE_NEWNET) != 0) return false;
  int other = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (other < 0 || setns(own, CLONE_NEWNET) != 0) {
    say("the agent is in the wrong network namespace: %m");
    _exit(1);
  }
  bool paired = make_pair(other);
  if (!paired) say("make the services' interfaces: %m");
  if (setns(other, CLONE_NEWNET) == 0) {
    int fd = control_socket();
    if (paired && (!set_up(fd, "lo", true) || !add_address(PEER, inet_addr("169.254.53.53"), SERVICES_PREFIX) ||
                   !set_up(fd, PEER, true) || !add_address(PEER, inet_addr("169.254.169.254"), 32) ||
                   !add_address(PEER, inet_addr("169.254.169.253"), 32) ||
                   !add_address(PEER, inet_addr("169.254.169.252"), 32)))
      say("address the services: %m");
    close(fd);
    if (paired) {
      upward_listen(KIND_METADATA, inet_addr("169.254.169.254"), 80);
      upward_listen(KIND_API, inet_addr("169.254.169.252"), 80);
      upward_listen(KIND_NAMES, inet_addr("169.254.53.53"), 53);
      upward_listen(KIND_NAMES, inet_addr("169.254.169.253"), 53);
    }
  }
  if (setns(own, CLONE_NEWNET) != 0) {
    say("come back from the services' namespace: %m");
    _exit(1);
  }
  close(own);
  close(other);
  return paired;
}

void network_begin(void) {
  without_ipv6(CARD);
  if (services_namespace()) {
    int fd = control_socket();
    uint32_t one = inet_addr("255.255.255.255");
    without_ipv6(SERVICES);
    if (!add_address(SERVICES, inet_addr(SERVICES_ADDRESS), SERVICES_PREFIX) || !set_up(fd, SERVICES, true) ||
        !add_route(fd, inet_addr("169.254.169.254"), one, 0, SERVICES) ||
        !add_route(fd, inet_addr("169.254.169.253"), one, 0, SERVICES) ||
        !add_route(fd, inet_addr("169.254.169.252"), one, 0, SERVICES))
      say("reach the services: %m");
    close(fd);
  }
  upward_listen(KIND_NAMES, inet_addr("127.0.0.2"), 53);
}

/*
 * Body: nothing, for a card that is down; one byte, for one that is up, but has no address; or address (4 bytes),
 * gateway (4 bytes), length of the prefix (1 byte), in network order.
 */
void network_set(uint32_t tag, const uint8_t *body, size_t length) {
  if (length > 1 && (length != 9 || body[8] == 0 || body[8] > 31)) {
    reply(tag, REPLY_BAD_REQUEST, "malformed address");
    return;
  }
  if (if_nametoindex(CARD) == 0) {
    reply(tag, length < 9 ? REPLY_OK : REPLY_FAILED, "there is no network card");
    return;
  }
  int fd = control_socket();
  char card[] = CARD;
  bool done = take_address(fd, CARD) && set_up(fd, CARD, length > 0);
  if (done && length == 9) {
    uint32_t address, gateway;
    memcpy(&address, body, 4);
    memcpy(&gateway, body + 4, 4);
    done = add_address(CARD, address, body[8]) && add_route(fd, 0, 0, gateway, card);
  }
  int error = errno;
  close(fd);
  if (done) reply(tag, REPLY_OK, NULL);
  else reply(tag, REPLY_FAILED, "the network card could not be set: %s", strerror(error));
}
