/* Requests of the host that concern no stream. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"

/* The body of the next request, when it does not fit a frame. */
static uint8_t *body;
static size_t body_length;

void control_forget(void) {
  free(body);
  body = NULL;
  body_length = 0;
}

const uint8_t *control_body(size_t *length) {
  *length = body_length;
  return body;
}

void reply(uint32_t tag, enum reply_status status, const char *format, ...) {
  uint8_t payload[600];
  put32(payload, tag);
  payload[4] = (uint8_t)status;
  size_t length = 5;
  if (format != NULL) {
    va_list list;
    va_start(list, format);
    int text = vsnprintf((char *)payload + 5, sizeof payload - 5, format, list);
    va_end(list);
    if (text > 0) length += strlen((char *)payload + 5);
  }
  send_frame(0, FRAME_REPLY, payload, length);
}

static void take_body(const uint8_t *payload, size_t length) {
  if (body == NULL) body = malloc(BODY_MAX);
  if (body == NULL || length > BODY_MAX - body_length) {
    channel_fault("body too long");
    return;
  }
  memcpy(body + body_length, payload, length);
  body_length += length;
}

static void take_request(const uint8_t *payload, size_t length) {
  uint32_t tag = get32(payload);
  uint8_t request = payload[4];
  payload += 5;
  length -= 5;
  if (request == REQUEST_START) container_start(tag, body, body_length);
  else if (request == REQUEST_FREEZE) freeze(tag);
  else if (request == REQUEST_THAW) thaw(tag, payload, length);
  else if (request == REQUEST_SYNC) flush_disk(tag);
  else if (request == REQUEST_PING) reply(tag, REPLY_OK, NULL);
  else if (request == REQUEST_NETWORK) network_set(tag, payload, length);
  else if (request == REQUEST_SCRUB) scrub(tag, payload, length);
  else if (request == REQUEST_REHEARSE) rehearse(tag);
  else if (request == REQUEST_POWER_OFF) power_off();
  else reply(tag, REPLY_BAD_REQUEST, "unknown request");
  control_forget();
}

void control_frame(uint8_t type, const uint8_t *payload, size_t length) {
  if (type == FRAME_BODY) take_body(payload, length);
  else if (type == FRAME_REQUEST && length >= 5) take_request(payload, length);
  else channel_fault("unknown control frame");
}
