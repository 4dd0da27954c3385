/* Streams: flow control between one descriptor and the host, the same for TCP, shells and the container's output. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent.h"

#define BUCKETS 256
#define GRANT_AT (STREAM_WINDOW / 4)

static struct stream *buckets[BUCKETS], *dead;
static unsigned count;

static struct stream **place_of(uint32_t id) { return &buckets[id / 2 % BUCKETS]; }

static void stream_ready(struct watch *watch, uint32_t events);

struct stream *stream_new(uint32_t id, int kind, int fd, uint32_t credit) {
  struct stream *stream = calloc(1, sizeof *stream);
  if (stream == NULL) return NULL;
  stream->watch.fd = fd;
  stream->watch.ready = stream_ready;
  stream->id = id;
  stream->kind = kind;
  stream->credit = credit;
  stream->window = STREAM_WINDOW;
  stream->next = *place_of(id);
  *place_of(id) = stream;
  count++;
  return stream;
}

struct stream *stream_find(uint32_t id) {
  struct stream *stream = *place_of(id);
  while (stream != NULL && stream->id != id) stream = stream->next;
  return stream;
}

struct stream *stream_of_process(pid_t pid) {
  for (int i = 0; i < BUCKETS; i++)
    for (struct stream *s = buckets[i]; s != NULL; s = s->next)
      if (s->pid == pid) return s;
  return NULL;
}

unsigned stream_count(void) { return count; }

/* Closes the descriptor and forgets the stream; the memory goes when no event can refer to it any more. */
void stream_drop(struct stream *stream) {
  if (stream->dead) return;
  stream->dead = true;
  if (stream->upward) upward_closed();
  watch_close(&stream->watch);
  struct stream **at = place_of(stream->id);
  while (*at != stream) at = &(*at)->next;
  *at = stream->next;
  stream->next = dead;
  dead = stream;
  count--;
}

void streams_bury(void) {
  while (dead != NULL) {
    struct stream *stream = dead;
    dead = stream->next;
    free(stream->queue);
    free(stream);
  }
}

static void close_hard(struct stream *stream) {
  if (stream->kind == STREAM_TCP && stream->watch.fd >= 0) {
    /* The application sees a reset, not an orderly end. */
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(stream->watch.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  /* A terminal hangs up on its process by itself. */
  if (stream->kind == STREAM_EXEC) exec_signal(stream, SIGKILL);
  stream_drop(stream);
}

void stream_reset(struct stream *stream) {
  send_frame(stream->id, FRAME_RESET, NULL, 0);
  close_hard(stream);
}

void refuse(uint32_t id, enum refusal code, const char *reason) {
  uint8_t payload[200] = {(uint8_t)code};
  size_t length = strnlen(reason, sizeof payload - 1);
  memcpy(payload + 1, reason, length);
  send_frame(id, FRAME_REFUSED, payload, length + 1);
}

void stream_opened(struct stream *stream) {
  uint8_t window[4];
  put32(window, STREAM_WINDOW);
  stream->opened = true;
  send_frame(stream->id, FRAME_OPENED, window, sizeof window);
  stream_update(stream);
}

/* Watches for what can be dealt with now, and ends what is finished. */
void stream_update(struct stream *stream) {
  if (stream->dead || !stream->opened || stream->kind == STREAM_QUERY) return;
  if (stream->host_ended && stream->queued == 0 && !stream->write_closed) {
    stream->write_closed = true;
    if (stream->kind == STREAM_TCP) shutdown(stream->watch.fd, SHUT_WR);
    if (stream->kind == STREAM_EXEC) watch_close(&stream->watch);
  }
  if (stream->kind == STREAM_TCP && stream->fd_ended && stream->write_closed) {
    stream_drop(stream);
    return;
  }
  uint32_t interest = 0;
  if (!stream->fd_ended && stream->credit > 0 && channel_has_room()) interest |= EPOLLIN;
  if (stream->queued > 0) interest |= EPOLLOUT;
  watch_for(&stream->watch, interest);
}

static void end_of_reading(struct stream *stream) {
  stream->fd_ended = true;
  if (stream->kind == STREAM_SHELL) {
    shell_finish(stream);
    return;
  }
  send_frame(stream->id, FRAME_END, NULL, 0);
  if (stream->kind == STREAM_OUTPUT) {
    watch_close(&stream->watch);
    container_output_ended();
  } else if (stream->kind == STREAM_EXEC_OUTPUT) {
    stream_drop(stream);
  }
}

static void acknowledge_at_once(int fd) {
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

bool stream_pump_out(struct stream *stream) {
  if (stream->fd_ended || stream->credit == 0 || !channel_has_room()) return false;
  size_t most = stream->credit < PAYLOAD_MAX ? stream->credit : PAYLOAD_MAX;
  ssize_t length = read(stream->watch.fd, place_payload(), most);
  if (length > 0) {
    stream->credit -= (uint32_t)length;
    /* Who writes head and body apart, without TCP_NODELAY, would wait with the body until the kernel acknowledges the head. */
    if (stream->kind == STREAM_TCP && (size_t)length < most) acknowledge_at_once(stream->watch.fd);
    send_placed(stream->id, FRAME_DATA, (size_t)length);
    return true;
  }
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  /* A terminal ends with EIO; the container's output outlives connections and cannot be reset. */
  if (length == 0 || stream->kind != STREAM_TCP) end_of_reading(stream);
  else stream_reset(stream);
  return false;
}

static void grant(struct stream *stream, uint32_t amount) {
  stream->consumed += amount;
  if (stream->consumed < GRANT_AT || stream->host_ended) return;
  uint8_t credit[4];
  put32(credit, stream->consumed);
  stream->window += stream->consumed;
  stream->consumed = 0;
  send_frame(stream->id, FRAME_CREDIT, credit, sizeof credit);
}

/* Bytes written, 0 when it would block, -1 when the stream is gone. */
static ssize_t write_some(struct stream *stream, const uint8_t *bytes, size_t length) {
  for (;;) {
    ssize_t written = stream->kind == STREAM_TCP ? send(stream->watch.fd, bytes, length, MSG_NOSIGNAL)
                                                 : write(stream->watch.fd, bytes, length);
    if (written >= 0) return written;
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return 0;
    if (stream->kind == STREAM_EXEC) {
      /* The command has closed its input and goes on; what comes for it is thrown away. */
      watch_close(&stream->watch);
      return (ssize_t)length;
    }
    stream_reset(stream);
    return -1;
  }
}

static void pump_in(struct stream *stream) {
  while (stream->queued > 0) {
    uint32_t straight = STREAM_WINDOW - stream->queued_from;
    if (straight > stream->queued) straight = stream->queued;
    ssize_t written = stream->watch.fd < 0 ? (ssize_t)straight
                                           : write_some(stream, stream->queue + stream->queued_from, straight);
    if (written <= 0) return;
    stream->queued_from = (stream->queued_from + (uint32_t)written) % STREAM_WINDOW;
    stream->queued -= (uint32_t)written;
    grant(stream, (uint32_t)written);
  }
}

static void take_data(struct stream *stream, const uint8_t *bytes, size_t length) {
  if (!stream->opened || stream->host_ended || length > stream->window) {
    channel_fault("data without credit or after the end");
    return;
  }
  stream->window -= (uint32_t)length;
  if (stream->kind == STREAM_QUERY) {
    query_answer(stream, bytes, length);
    return;
  }
  if (stream->queued == 0) {
    ssize_t written = stream->watch.fd < 0 ? (ssize_t)length : write_some(stream, bytes, length);
    if (written < 0) return;
    bytes += written;
    length -= (size_t)written;
    grant(stream, (uint32_t)written);
  }
  if (length > 0) {
    if (stream->queue == NULL) stream->queue = malloc(STREAM_WINDOW);
    if (stream->queue == NULL) {
      stream_reset(stream);
      return;
    }
    /* Fits: the window counts what is queued. */
    uint32_t to = (stream->queued_from + stream->queued) % STREAM_WINDOW;
    size_t straight = STREAM_WINDOW - to < length ? STREAM_WINDOW - to : length;
    memcpy(stream->queue + to, bytes, straight);
    memcpy(stream->queue, bytes + straight, length - straight);
    stream->queued += (uint32_t)length;
  }
  stream_update(stream);
}

static void stream_ready(struct watch *watch, uint32_t events) {
  struct stream *stream = (struct stream *)watch; /* watch is the first member */
  if (!stream->opened) {
    tcp_connected(stream);
    return;
  }
  if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR) && stream->queued > 0) pump_in(stream);
  if (!stream->dead && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) stream_pump_out(stream);
  stream_update(stream);
}

static void open_stream(uint32_t id, const uint8_t *payload, size_t length) {
  if (length < 5 || id % 2 == 0 || stream_find(id) != NULL) {
    channel_fault("bad open");
    return;
  }
  uint32_t credit = get32(payload + 1);
  if (count >= STREAM_LIMIT)
    refuse(id, REFUSED_LIMIT, "too many streams");
  else if (payload[0] == KIND_TCP && length == 7)
    tcp_open(id, get16(payload + 5), credit);
  else if (payload[0] == KIND_SHELL)
    shell_open(id, credit, payload + 5, length - 5);
  else if (payload[0] == KIND_EXEC)
    exec_open(id, credit, payload + 5, length - 5);
  else
    refuse(id, REFUSED_BAD_REQUEST, "unknown kind of stream");
  control_forget();
}

void stream_frame(uint32_t id, uint8_t type, const uint8_t *payload, size_t length) {
  if (type == FRAME_OPEN) {
    open_stream(id, payload, length);
    return;
  }
  struct stream *stream = stream_find(id);
  if (stream == NULL) return; /* it ended here before the host knew */
  bool one_way = stream->kind == STREAM_OUTPUT || (stream->kind == STREAM_EXEC_OUTPUT && type != FRAME_RESET);
  if (one_way && type != FRAME_CREDIT) {
    channel_fault("output goes one way only");
  } else if (stream->upward && !stream->opened && type == FRAME_OPENED && length == 4) {
    stream->opened = true;
    stream->credit = get32(payload);
    stream_update(stream);
  } else if (stream->upward && !stream->opened && type == FRAME_REFUSED) {
    close_hard(stream);
  } else if (type == FRAME_DATA) {
    if (length > 0) take_data(stream, payload, length);
  } else if (type == FRAME_CREDIT && length == 4 && get32(payload) <= UINT32_MAX - stream->credit) {
    stream->credit += get32(payload);
    stream_update(stream);
  } else if (type == FRAME_END) {
    stream->host_ended = true;
    stream_update(stream);
  } else if (type == FRAME_RESET) {
    close_hard(stream);
  } else if (type == FRAME_RESIZE && length == 4 && stream->kind == STREAM_SHELL) {
    shell_resize(stream, get16(payload), get16(payload + 2));
  } else if (type == FRAME_SIGNAL && length == 1 && (stream->kind == STREAM_EXEC || stream->kind == STREAM_SHELL)) {
    exec_signal(stream, payload[0]);
  } else {
    channel_fault("unknown frame");
  }
}

void streams_resume(void) {
  for (int i = 0; i < BUCKETS; i++)
    for (struct stream *s = buckets[i]; s != NULL; s = s->next)
      if (s->opened && !s->fd_ended) stream_update(s);
}

void streams_drop_connection(void) {
  for (int i = 0; i < BUCKETS; i++) {
    struct stream *stream = buckets[i], *next;
    for (; stream != NULL; stream = next) {
      next = stream->next;
      if (stream->kind == STREAM_OUTPUT) {
        stream->credit = 0;
        watch_for(&stream->watch, 0);
      } else if (stream->kind == STREAM_TCP && stream->write_closed) {
        stream_drop(stream); /* the application was told of the end, and may not have come to look at it */
      } else {
        close_hard(stream);
      }
    }
  }
}
