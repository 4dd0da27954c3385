/*
 * The agent's channel, control and stream code on the host, under sanitizers, fed with well-formed, mutated and random
 * bytes. What would touch the machine (container, freezing, clock, power) is replaced here.
 *   fuzz SEED SECONDS
 *   fuzz late
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sanitizer/common_interface_defs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"
#include "receiver.h"

static uint64_t state;
static uint32_t below(uint32_t limit) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 16) % limit;
}

static void check(bool good, const char *what) {
  if (good) return;
  printf("fuzz: %s\n", what);
  fflush(stdout);
  abort();
}

/* Stand-ins */
enum container_state container_state(void) { return CONTAINER_RUNNING; }
uint32_t container_exit_code(void) { return 0; }
void container_forget_request(void) {}
void container_output_ended(void) {}
void freeze_forget_request(void) {}
bool frozen(void) { return false; }
void freeze(uint32_t tag) { reply(tag, REPLY_OK, NULL); }
void thaw(uint32_t tag, const uint8_t *body, size_t length) {
  uint8_t sum = 0;
  for (size_t i = 0; i < length; i++) sum ^= body[i];
  reply(tag, REPLY_OK, "%d", sum);
}
void flush_disk(uint32_t tag) { reply(tag, REPLY_OK, NULL); }
void scrub(uint32_t tag, const uint8_t *body, size_t length) {
  (void)body;
  (void)length;
  reply(tag, REPLY_OK, NULL);
}
void rehearse(uint32_t tag) { reply(tag, REPLY_OK, NULL); }
void rehearsal_forget_request(void) {}
void power_off(void) {}
void network_set(uint32_t tag, const uint8_t *body, size_t length) { check(body || !length, "body"), reply(tag, REPLY_OK, NULL); }
void shell_resize(struct stream *stream, uint16_t columns, uint16_t rows) { check(stream && columns + rows >= 0, "size"); }
void shell_finish(struct stream *stream) { stream_drop(stream); }
void container_start(uint32_t tag, const uint8_t *body, size_t length) {
  const char *reason = NULL;
  struct spec *spec = spec_read(body, length, &reason);
  check(spec != NULL || reason != NULL, "a spec without a reason");
  size_t total = 0;
  for (size_t i = 0; spec != NULL && i < spec->argument_count; i++) total += strlen(spec->arguments[i]);
  for (size_t i = 0; spec != NULL && i < spec->environment_count; i++) total += strlen(spec->environment[i]);
  check(total <= length, "a spec longer than its bytes");
  spec_free(spec);
  reply(tag, REPLY_OK, NULL);
}

/* Applications: the other ends of the streams, which read, write and close as they like. */
#define APPLICATIONS 64
static int applications[APPLICATIONS];
static void application(uint32_t id, uint32_t credit, int kind) {
  int pair[2];
  check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
  int place = (int)below(APPLICATIONS);
  if (applications[place] > 0) close(applications[place]);
  applications[place] = pair[1];
  struct stream *stream = stream_new(id, kind, pair[0], credit);
  check(stream != NULL, "stream");
  stream_opened(stream);
}
void tcp_open(uint32_t id, uint16_t port, uint32_t credit) {
  if (port % 4 == 0) refuse(id, REFUSED_PORT_CLOSED, "closed");
  else application(id, credit, STREAM_TCP);
}
void tcp_connected(struct stream *stream) { check(stream == NULL, "connecting"); }
void shell_open(uint32_t id, uint32_t credit, const uint8_t *body, size_t length) {
  const char *reason;
  struct spec *spec = length < 4 ? NULL : spec_read(body + 4, length - 4, &reason);
  if (spec == NULL) refuse(id, REFUSED_BAD_REQUEST, "malformed");
  else application(id, credit, STREAM_SHELL);
  spec_free(spec);
}

static bool one_application(uint32_t id, uint32_t credit, int kind) {
  if (id % 2 == 0 || stream_find(id) != NULL) return false;
  application(id, credit, kind);
  return true;
}
void exec_open(uint32_t id, uint32_t credit, const uint8_t *payload, size_t length) {
  const char *reason;
  size_t body_length;
  const uint8_t *body = control_body(&body_length);
  struct spec *spec = length == 13 ? spec_read(body, body_length, &reason) : NULL;
  uint32_t outputs[2] = {spec ? get32(payload + 5) : 0, spec ? get32(payload + 9) : 0};
  if (spec == NULL || outputs[0] == id || outputs[1] == id || !one_application(outputs[0], credit, STREAM_EXEC_OUTPUT)) {
    refuse(id, REFUSED_BAD_REQUEST, "malformed");
  } else {
    one_application(outputs[1], credit, STREAM_EXEC_OUTPUT);
    application(id, credit, STREAM_EXEC);
    stream_find(id)->fd_ended = true;
  }
  spec_free(spec);
}
void exec_signal(const struct stream *stream, int number) { check(stream && number >= 0, "signal"); }

static void act_as_applications(void) {
  static uint8_t bytes[16384];
  for (int i = 0; i < 4; i++) {
    int *fd = &applications[below(APPLICATIONS)];
    if (*fd <= 0) continue;
    uint32_t what = below(16);
    if (what < 6) (void)!write(*fd, bytes, below(sizeof bytes));
    else if (what < 12) (void)!read(*fd, bytes, sizeof bytes);
    else if (what < 14) shutdown(*fd, SHUT_WR);
    else {
      close(*fd);
      *fd = 0;
    }
  }
}

/* What the host sends. */
static uint8_t message[1 << 17];
static size_t length;
static void add(const void *bytes, size_t count) {
  memcpy(message + length, bytes, count);
  length += count;
}
static void add_random(size_t count) {
  for (size_t i = 0; i < count; i++) message[length++] = (uint8_t)below(256);
}
static void add_frame(uint32_t stream, uint8_t type, const void *payload, uint32_t size) {
  uint8_t header[HEADER_SIZE];
  put32(header, stream);
  put32(header + 4, type | size << 8);
  add(header, sizeof header);
  if (payload != NULL) add(payload, size);
  else add_random(size);
}
static void add_greeting(void) {
  uint8_t hello[6] = {PROTOCOL_VERSION, 0, 0, 0, 2, 0};
  add(channel_marker, MARKER_SIZE);
  add_random(NONCE_SIZE);
  add_frame(0, FRAME_HELLO, hello, sizeof hello);
}
static void add_sensible(void) {
  static uint32_t next = 1;
  uint32_t recent = next > 40 ? next - 2 * below(20) : 1;
  uint8_t body[64] = {0};
  switch (below(10)) {
    case 0:
    case 1:
      body[0] = below(3) ? KIND_TCP : below(2) ? KIND_SHELL : KIND_EXEC;
      put32(body + 1, below(1 << 18));
      body[5] = (uint8_t)below(256);
      put32(body + 10, next + 4);
      put32(body + 14, next + (below(8) ? 6 : 4));
      add_frame(next += 2, FRAME_OPEN, body, body[0] == KIND_TCP ? 7 : body[0] == KIND_SHELL ? 9 : 18);
      if (body[0] == KIND_EXEC) next += 4;
      break;
    case 2:
    case 3:
    case 4:
      add_frame(recent, FRAME_DATA, NULL, below(8) ? below(600) : below(PAYLOAD_MAX));
      break;
    case 5:
      put32(body, below(1 << 16));
      add_frame(below(4) ? recent : 2 + 2 * below(2), FRAME_CREDIT, body, 4);
      break;
    case 6:
      add_frame(recent, below(2) ? FRAME_END : FRAME_RESET, NULL, 0);
      break;
    case 7:
      add_frame(0, FRAME_BODY, NULL, below(3000));
      break;
    case 8:
      put32(body, below(1000));
      body[4] = (uint8_t)(1 + below(8));
      add_frame(0, FRAME_REQUEST, body, 5 + below(40));
      break;
    default:
      if (below(8) == 0) add_frame(0, FRAME_GOODBYE, NULL, 0);
      else if (below(4) == 0) add_frame(recent, FRAME_SIGNAL, body, 1);
      else add_frame(recent, FRAME_RESIZE, body, 4);
  }
}
static void make_message(void) {
  length = 0;
  if (below(6) == 0) add_greeting();
  for (uint32_t i = below(12); i > 0 && length < sizeof message / 2; i--) {
    uint32_t what = below(40);
    if (what == 0) add_random(below(100));
    else if (what == 1) add_frame(below(64), (uint8_t)below(30), NULL, below(40));
    else add_sensible();
  }
  if (length > 0 && below(6) == 0) message[below((uint32_t)length)] ^= (uint8_t)(1 << below(8));
  if (length > 0 && below(8) == 0) length = below((uint32_t)length); /* a daemon that was killed in the middle */
}

/* A receiver must find every connection, and all its frames, whatever was cut off before and however reads fall. */
static void check_receiver(void) {
  static struct receiver receiver;
  memset(&receiver, 0, sizeof receiver);
  for (int connection = 0; connection < 6; connection++) {
    length = 0;
    uint32_t sizes[8], count = 1 + below(8);
    add_greeting();
    size_t begun = length;
    for (uint32_t i = 0; i < count; i++) add_frame(2 * i + 1, FRAME_DATA, NULL, sizes[i] = below(5) ? below(50) : below(9000));
    size_t whole = length;
    if (below(2)) add_frame(99, FRAME_DATA, NULL, 1 + below(9000));
    if (length > whole) length -= 1 + below((uint32_t)(length - whole - HEADER_SIZE)); /* cut off */
    check(begun < length, "message");
    bool connected = false;
    uint32_t seen = 0;
    for (size_t at = 0; at < length;) {
      size_t room, piece = 1 + below(below(3) ? 20 : 5000);
      uint8_t *space = receiver_space(&receiver, &room);
      check(room > 0, "no room");
      if (piece > room) piece = room;
      if (piece > length - at) piece = length - at;
      memcpy(space, message + at, piece);
      at += piece;
      receiver_filled(&receiver, piece);
      struct frame frame;
      for (enum received what; (what = receiver_next(&receiver, &frame)) != RECEIVED_NOTHING;) {
        if (what == RECEIVED_CONNECTION) {
          connected = true;
          seen = 0;
          check(memcmp(receiver.nonce, message + MARKER_SIZE, NONCE_SIZE) == 0, "wrong nonce");
        } else if (connected && what == RECEIVED_FRAME && frame.type == FRAME_DATA) {
          check(seen < count && frame.stream == 2 * seen + 1 && frame.length == sizes[seen], "wrong frame");
          seen++;
        } else {
          check(!connected || what == RECEIVED_FRAME, "garbage in a good connection");
        }
      }
    }
    check(connected && seen == count, "frames are missing");
  }
}

/* The port's own notice of a host that left, which may last longer than that is true; and the time. The linker puts these in. */
static int port_that_hangs_up = -1;
static time_t seconds; /* 0: the real time */
int __real_epoll_wait(int epoll, struct epoll_event *events, int most, int timeout);
int __wrap_epoll_wait(int epoll, struct epoll_event *events, int most, int timeout) {
  int count = __real_epoll_wait(epoll, events, most, timeout);
  for (int i = 0; i < count; i++)
    if (((struct watch *)events[i].data.ptr)->fd == port_that_hangs_up) events[i].events |= EPOLLHUP;
  return count;
}
int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout) {
  if (count != 1 || fds->fd != port_that_hangs_up) return __real_poll(fds, count, timeout);
  fds->revents = POLLHUP;
  return 1;
}
int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now) {
  if (seconds == 0) return __real_clock_gettime(clock, now);
  *now = (struct timespec){.tv_sec = seconds};
  return 0;
}

static bool answers_ping(int host) {
  static uint8_t bytes[4096];
  while (read(host, bytes, sizeof bytes) > 0) continue;
  uint8_t body[5] = {7, 0, 0, 0, REQUEST_PING};
  length = 0;
  add_frame(0, FRAME_REQUEST, body, sizeof body);
  check(write(host, message, length) == (ssize_t)length, "write");
  loop_turn(0);
  loop_turn(0);
  return read(host, bytes, sizeof bytes) >= HEADER_SIZE + 5 && bytes[4] == FRAME_REPLY && bytes[8] == 7;
}

/* A new host greets while the port still says that the one before it left. */
static void learn_late(int port, int host) {
  seconds = 1000;
  channel_begin(port);
  port_that_hangs_up = port;
  length = 0;
  add_greeting();
  check(write(host, message, length) == (ssize_t)length, "write");
  loop_turn(0);
  loop_turn(0);
  check(channel_connected(), "the greeting was not heard");
  seconds += 2; /* the guest's processor stood still, or the host was busy */
  loop_turn(0);
  check(answers_ping(host), "silent towards a host that the port does not know of yet");
  port_that_hangs_up = -1;
  seconds += 20;
  loop_turn(0);
  check(answers_ping(host), "silent towards a host that the port knew of in time");
  port_that_hangs_up = port;
  check(answers_ping(host), "silent before the time is over"); /* the event by which the agent hears of the hang-up */
  seconds += 20;
  loop_turn(0);
  check(!channel_connected(), "a host that has gone for good is kept");
}

int main(int count, char **arguments) {
  bool late = count == 2 && strcmp(arguments[1], "late") == 0;
  check(late || count == 3, "fuzz SEED SECONDS, or fuzz late");
  if (late) {
    int pair[2];
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0, "socketpair");
    state = 1;
    loop_begin();
    learn_late(pair[0], pair[1]);
    return 0;
  }
  state = strtoull(arguments[1], NULL, 10) * 0x9e3779b97f4a7c15ULL + 1;
  time_t end = time(NULL) + atoi(arguments[2]);
  int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  int errors = dup(2);
  __sanitizer_set_report_fd((void *)(intptr_t)errors);
  signal(SIGPIPE, SIG_IGN); /* the agent blocks all signals */
  int port[2], out[2], err[2];
  check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, port) == 0, "socketpair");
  check(pipe2(out, O_NONBLOCK) == 0 && pipe2(err, O_NONBLOCK) == 0, "pipe2");
  loop_begin();
  channel_begin(port[0]);
  check(output_begin(out[0], err[0]), "output");
  unsigned long rounds = 0;
  static uint8_t sink[65536];
  while (time(NULL) < end) {
    for (int i = 0; i < 50; i++, rounds++) {
      make_message();
      dup2(null, 2); /* the agent says a line for every fault */
      for (size_t at = 0; at < length;) {
        ssize_t written = write(port[1], message + at, length - at);
        if (written > 0) at += (size_t)written;
        if (below(3)) (void)!write(out[1], sink, below(4000));
        act_as_applications();
        loop_turn(0);
        if (written <= 0 || below(4)) while (read(port[1], sink, sizeof sink) > 0) continue;
        check(stream_count() <= STREAM_LIMIT, "too many streams");
      }
      loop_turn(0);
      dup2(errors, 2);
    }
    for (int i = 0; i < 20; i++) check_receiver();
  }
  printf("%lu messages\n", rounds);
}
