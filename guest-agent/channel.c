/* The virtio-serial port: connections, frames in, frames out. docs/channel.md says why it resynchronises as it does. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "agent.h"
#include "receiver.h"

#define OUT_CAPACITY 1048576
/* Above this no data is queued, and below half of it the streams go on. */
#define OUT_DATA_LIMIT 131072
/* Above this nothing is read from the host any more: its requests make answers. */
#define OUT_READ_LIMIT 262144
/*
 * A host that went away for less than this is not missed: the guest may learn late that a new one is there. On a busy
 * host that can be later than the first bytes of the new one, by as long as the guest's processor stands still between
 * the two; and whoever is dropped then is not heard any more.
 */
#define HANGUP_MILLISECONDS 3000

static void port_ready(struct watch *watch, uint32_t events);
static void hung_up(void);

static struct watch port = {.fd = -1, .ready = port_ready};
static struct receiver receiver;
static uint8_t out[OUT_CAPACITY];
static size_t out_start, out_end;
static bool connected, congested, reading_paused, overflown;
static struct timer hangup = {.expired = hung_up};

bool channel_connected(void) { return connected; }

bool channel_has_room(void) {
  if (connected && out_end - out_start < OUT_DATA_LIMIT) return true;
  congested = true;
  return false;
}

static void drop_connection(void) {
  connected = false;
  out_start = out_end = 0;
  overflown = false;
  control_forget();
  container_forget_request();
  freeze_forget_request();
  rehearsal_forget_request();
  streams_drop_connection();
}

uint8_t *place_payload(void) {
  if (OUT_CAPACITY - out_end < HEADER_SIZE + PAYLOAD_MAX) {
    memmove(out, out + out_start, out_end - out_start);
    out_end -= out_start;
    out_start = 0;
  }
  return out + out_end + HEADER_SIZE;
}

void send_placed(uint32_t stream, uint8_t type, size_t length) {
  if (!connected) return;
  uint8_t *header = out + out_end;
  put32(header, stream);
  header[4] = type;
  header[5] = (uint8_t)length;
  header[6] = (uint8_t)(length >> 8);
  header[7] = (uint8_t)(length >> 16);
  out_end += HEADER_SIZE + length;
}

void send_frame(uint32_t stream, uint8_t type, const void *payload, size_t length) {
  if (!connected) return;
  if (out_end - out_start > OUT_CAPACITY - 2 * (HEADER_SIZE + PAYLOAD_MAX)) {
    overflown = true; /* cannot happen while reading is paused in time; the connection would be of no use */
    return;
  }
  uint8_t *place = place_payload();
  if (length > 0) memcpy(place, payload, length);
  send_placed(stream, type, length);
}

static void greet(void) {
  memcpy(out, channel_marker, MARKER_SIZE);
  memcpy(out + MARKER_SIZE, receiver.nonce, NONCE_SIZE);
  out_end = MARKER_SIZE + NONCE_SIZE;
  uint8_t hello[8];
  put16(hello, PROTOCOL_VERSION);
  hello[2] = (uint8_t)container_state();
  hello[3] = frozen();
  put32(hello + 4, container_exit_code());
  send_frame(0, FRAME_HELLO, hello, sizeof hello);
}

void channel_fault(const char *reason) {
  say("fault: %s", reason);
  send_frame(0, FRAME_FAULT, reason, strlen(reason));
  channel_flush();
  receiver_forget(&receiver);
  drop_connection();
}

static void take_frame(const struct frame *frame) {
  if (frame->stream != 0) {
    stream_frame(frame->stream, frame->type, frame->payload, frame->length);
  } else if (frame->type == FRAME_HELLO) {
    if (frame->length < 6 || get16(frame->payload) != PROTOCOL_VERSION) {
      channel_fault("unknown protocol version");
      return;
    }
    output_connected(get32(frame->payload + 2));
  } else if (frame->type == FRAME_GOODBYE) {
    output_flush();
    streams_drop_connection();
    send_frame(0, FRAME_GOODBYE, NULL, 0);
    channel_flush();
    /* What could not be written now still goes out later; everything up to the next marker is ignored. */
    connected = false;
    receiver_forget(&receiver);
  } else {
    control_frame(frame->type, frame->payload, frame->length);
  }
}

static void take_frames(void) {
  struct frame frame;
  for (;;) {
    switch (receiver_next(&receiver, &frame)) {
      case RECEIVED_NOTHING:
        return;
      case RECEIVED_CONNECTION:
        drop_connection();
        timer_stop(&hangup);
        connected = true;
        greet();
        break;
      case RECEIVED_GARBAGE:
        channel_fault("frame too long");
        return;
      case RECEIVED_FRAME:
        if (connected) take_frame(&frame);
        break;
    }
  }
}

static void read_port(void) {
  for (;;) {
    if (out_end - out_start > OUT_READ_LIMIT) {
      reading_paused = true;
      return;
    }
    size_t room;
    uint8_t *space = receiver_space(&receiver, &room);
    ssize_t count = read(port.fd, space, room);
    if (count > 0) {
      receiver_filled(&receiver, (size_t)count);
      take_frames();
      continue;
    }
    if (count < 0 && errno == EINTR) continue;
    return;
  }
}

static void hung_up(void) {
  struct pollfd now = {.fd = port.fd, .events = POLLIN};
  if (poll(&now, 1, 0) > 0 && now.revents & POLLHUP && connected) {
    say("host went away");
    receiver_forget(&receiver);
    drop_connection();
  }
}

void channel_flush(void) {
  while (out_end > out_start) {
    ssize_t count = write(port.fd, out + out_start, out_end - out_start);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    out_start += (size_t)count;
  }
  if (out_start == out_end) out_start = out_end = 0;
  if (overflown) {
    overflown = false;
    say("output overflow");
    receiver_forget(&receiver);
    drop_connection();
  }
  if (congested && connected && out_end - out_start < OUT_DATA_LIMIT / 2) {
    congested = false;
    streams_resume();
  }
}

void channel_turn(void) {
  channel_flush();
  /* The port is edge-triggered: what was paused must be taken up again without another event. */
  while (reading_paused && out_end - out_start <= OUT_READ_LIMIT) {
    reading_paused = false;
    read_port();
    channel_flush();
  }
}

static void port_ready(struct watch *watch, uint32_t events) {
  (void)watch;
  read_port();
  if (events & EPOLLHUP && connected && hangup.deadline == 0) timer_start(&hangup, HANGUP_MILLISECONDS);
}

void channel_begin(int fd) {
  port.fd = fd;
  /* Edge-triggered, because a port without a host reports a hang-up for as long as that lasts. */
  watch_for(&port, EPOLLIN | EPOLLOUT | EPOLLET);
}
