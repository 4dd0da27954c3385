#define _GNU_SOURCE
#include "receiver.h"

#include <string.h>

const uint8_t channel_marker[MARKER_SIZE] = {0xf3, 0x9d, 0xc8, 0x71, 0xe5, 0x93, 0xb6, 0x8e,
                                             0xd4, 0xa9, 0x7b, 0xc2, 0x95, 0xff, 0xff, 0xff};

uint8_t *receiver_space(struct receiver *r, size_t *room) {
  if (r->start == r->end) {
    r->start = r->end = 0;
  } else if (r->start > 0 && RECEIVER_CAPACITY - r->end < HEADER_SIZE + PAYLOAD_MAX) {
    memmove(r->buffer, r->buffer + r->start, r->end - r->start);
    r->end -= r->start;
    r->start = 0;
  }
  *room = RECEIVER_CAPACITY - r->end;
  return r->buffer + r->end;
}

/* Offset just behind the last marker in bytes[0..count), 0 when there is none. */
static size_t behind_last_marker(const uint8_t *bytes, size_t count) {
  size_t behind = 0;
  const uint8_t *at;
  while ((at = memmem(bytes + behind, count - behind, channel_marker, MARKER_SIZE)) != NULL)
    behind = (size_t)(at - bytes) + MARKER_SIZE;
  return behind;
}

void receiver_filled(struct receiver *r, size_t count) {
  if (count == 0) return;
  const uint8_t *fresh = r->buffer + r->end;
  size_t behind = behind_last_marker(fresh, count);
  size_t taken = count < MARKER_SIZE - 1 ? count : MARKER_SIZE - 1;
  uint8_t seam[2 * (MARKER_SIZE - 1)];
  memcpy(seam, r->tail, r->tail_length);
  memcpy(seam + r->tail_length, fresh, taken);
  size_t seam_length = r->tail_length + taken;
  if (behind == 0) {
    size_t in_seam = behind_last_marker(seam, seam_length);
    if (in_seam > r->tail_length) behind = in_seam - r->tail_length;
  }
  if (count >= MARKER_SIZE - 1) {
    memcpy(r->tail, fresh + count - (MARKER_SIZE - 1), MARKER_SIZE - 1);
    r->tail_length = MARKER_SIZE - 1;
  } else {
    size_t keep = seam_length < MARKER_SIZE - 1 ? seam_length : MARKER_SIZE - 1;
    memcpy(r->tail, seam + seam_length - keep, keep);
    r->tail_length = keep;
  }
  if (behind > 0) {
    r->start = r->end + behind;
    r->state = WAITING_FOR_NONCE;
  }
  r->end += count;
}

void receiver_forget(struct receiver *r) {
  r->state = WAITING_FOR_MARKER;
  r->start = r->end = 0;
}

enum received receiver_next(struct receiver *r, struct frame *frame) {
  size_t available = r->end - r->start;
  const uint8_t *at = r->buffer + r->start;
  if (r->state == WAITING_FOR_MARKER) {
    r->start = r->end = 0;
    return RECEIVED_NOTHING;
  }
  if (r->state == WAITING_FOR_NONCE) {
    if (available < NONCE_SIZE) return RECEIVED_NOTHING;
    memcpy(r->nonce, at, NONCE_SIZE);
    r->start += NONCE_SIZE;
    r->state = RECEIVING_FRAMES;
    return RECEIVED_CONNECTION;
  }
  if (available < HEADER_SIZE) return RECEIVED_NOTHING;
  uint32_t length = at[5] | (uint32_t)at[6] << 8 | (uint32_t)at[7] << 16;
  if (length > PAYLOAD_MAX) {
    receiver_forget(r);
    return RECEIVED_GARBAGE;
  }
  if (available < HEADER_SIZE + length) return RECEIVED_NOTHING;
  frame->stream = get32(at);
  frame->type = at[4];
  frame->length = length;
  frame->payload = at + HEADER_SIZE;
  r->start += HEADER_SIZE + length;
  return RECEIVED_FRAME;
}
