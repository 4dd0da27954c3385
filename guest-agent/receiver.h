/* Turns the bytes of the channel into frames and finds the marker that begins a connection. Pure: no system calls. */
#ifndef SQUIB_RECEIVER_H
#define SQUIB_RECEIVER_H

#include <stddef.h>

#include "protocol.h"

#define RECEIVER_CAPACITY 65536

struct frame {
  uint32_t stream;
  uint8_t type;
  uint32_t length;
  const uint8_t *payload;
};

enum receiver_state { WAITING_FOR_MARKER, WAITING_FOR_NONCE, RECEIVING_FRAMES };

struct receiver {
  enum receiver_state state;
  uint8_t nonce[NONCE_SIZE];
  uint8_t tail[MARKER_SIZE - 1]; /* the newest bytes ever received, for a marker cut in two by reads */
  size_t tail_length;
  size_t start, end;
  uint8_t buffer[RECEIVER_CAPACITY];
};

enum received {
  RECEIVED_NOTHING,   /* more bytes are needed */
  RECEIVED_CONNECTION, /* a new connection begins: forget the one before; the nonce is in receiver->nonce */
  RECEIVED_FRAME,
  RECEIVED_GARBAGE, /* the connection is broken; everything up to the next marker will be ignored */
};

/* Where to read to, and how much fits (never 0 once receiver_next() said RECEIVED_NOTHING). */
uint8_t *receiver_space(struct receiver *r, size_t *room);
/* Says that `count` bytes were put where receiver_space() said. */
void receiver_filled(struct receiver *r, size_t count);
/* A frame's payload stays valid until the next receiver_space(). */
enum received receiver_next(struct receiver *r, struct frame *frame);
/* Ignores everything up to the next marker. */
void receiver_forget(struct receiver *r);

#endif
