/* What the guest asks of the host at addresses of its own: names and metadata. Streams that the agent opens. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent.h"

/* What the container may have open at once; more is turned away, so that it cannot use up the channel's streams. */
#define UPWARD_LIMIT 128
#define QUERY_MAX 4096
#define ANSWER_MAX 65537

struct listener {
  struct watch watch; /* first: ready() gets a pointer to it */
  uint8_t kind;
  struct listener *next;
};

static struct listener *listeners;
static uint32_t next_id = 6;
static unsigned open_count;

void upward_closed(void) { open_count--; }

static uint32_t take_id(void) {
  do {
    next_id += 2;
    if (next_id >= 1U << 24) next_id = 6;
  } while (stream_find(next_id) != NULL);
  return next_id;
}

/* Asks the host to take a stream; `extra` goes with the question. */
static struct stream *open_upward(int kind, int fd, uint8_t service, const uint8_t *extra, size_t length) {
  struct stream *stream = open_count < UPWARD_LIMIT ? stream_new(take_id(), kind, fd, 0) : NULL;
  if (stream == NULL) return NULL;
  stream->upward = true;
  open_count++;
  uint8_t payload[5 + QUERY_MAX] = {service};
  put32(payload + 1, STREAM_WINDOW);
  if (length > 0) memcpy(payload + 5, extra, length);
  send_frame(stream->id, FRAME_OPEN, payload, 5 + length);
  return stream;
}

static void accept_ready(struct watch *watch, uint32_t events) {
  (void)events;
  const struct listener *listener = (struct listener *)watch;
  for (int i = 0; i < 16; i++) {
    int fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (!channel_connected() || !channel_has_room() || open_upward(STREAM_TCP, fd, listener->kind, NULL, 0) == NULL)
      close(fd);
  }
}

static void query_ready(struct watch *watch, uint32_t events) {
  (void)events;
  for (int i = 0; i < 16; i++) {
    uint8_t query[QUERY_MAX];
    struct sockaddr_in from;
    socklen_t length = sizeof from;
    ssize_t size = recvfrom(watch->fd, query, sizeof query, 0, (struct sockaddr *)&from, &length);
    if (size < 0) return;
    if (size == 0 || !channel_connected() || !channel_has_room()) continue;
    struct stream *stream = open_upward(STREAM_QUERY, -1, KIND_QUERY, query, (size_t)size);
    if (stream == NULL) continue;
    stream->reply_fd = watch->fd;
    stream->reply_to = from;
  }
}

/* The host's answer: its length (2 bytes, network order), then itself. */
void query_answer(struct stream *stream, const uint8_t *bytes, size_t length) {
  if (stream->queue == NULL) stream->queue = malloc(ANSWER_MAX);
  if (stream->queue == NULL || length > ANSWER_MAX - stream->queued) {
    stream_reset(stream);
    return;
  }
  memcpy(stream->queue + stream->queued, bytes, length);
  stream->queued += (uint32_t)length;
  if (stream->queued < 2) return;
  size_t wanted = (size_t)(stream->queue[0] << 8 | stream->queue[1]);
  if (stream->queued < wanted + 2) return;
  (void)!sendto(stream->reply_fd, stream->queue + 2, wanted, MSG_NOSIGNAL, (struct sockaddr *)&stream->reply_to,
                sizeof stream->reply_to);
  stream_reset(stream);
}

static bool watch_listener(int fd, uint8_t kind, void (*ready)(struct watch *, uint32_t)) {
  struct listener *listener = calloc(1, sizeof *listener);
  if (listener == NULL) return false;
  listener->watch = (struct watch){.fd = fd, .ready = ready};
  listener->kind = kind;
  listener->next = listeners;
  listeners = listener;
  return true;
}

void upward_listen(uint8_t kind, uint32_t address, uint16_t port) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = address};
  int on = 1;
  int tcp = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  /* IMDSv2's hop limit: nobody behind a further router of the guest's, such as a nested container, gets an answer. */
  if (kind == KIND_METADATA) setsockopt(tcp, IPPROTO_IP, IP_TTL, &on, sizeof on);
  if (bind(tcp, (struct sockaddr *)&at, sizeof at) != 0 || listen(tcp, 64) != 0 || !watch_listener(tcp, kind, accept_ready))
    say("listen for service %u: %m", kind);
  if (kind != KIND_NAMES) return;
  int udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (bind(udp, (struct sockaddr *)&at, sizeof at) != 0 || !watch_listener(udp, kind, query_ready))
    say("listen for queries: %m");
}

void upward_begin(void) {
  for (struct listener *l = listeners; l != NULL; l = l->next) watch_for(&l->watch, EPOLLIN);
}
