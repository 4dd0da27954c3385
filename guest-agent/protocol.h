/* The channel's wire format; docs/channel.md describes it, src/guest/protocol.ts is the other end. */
#ifndef SQUIB_PROTOCOL_H
#define SQUIB_PROTOCOL_H

#include <stdint.h>

#define PROTOCOL_VERSION 1

#define HEADER_SIZE 8
#define PAYLOAD_MAX 32768
#define MARKER_SIZE 16
#define NONCE_SIZE 16

/* Begins every connection. Holds no zero byte and ends in ff ff ff: see docs/channel.md for why. */
extern const uint8_t channel_marker[MARKER_SIZE];

enum frame_type {
  FRAME_HELLO = 1,
  FRAME_GOODBYE = 2,
  FRAME_FAULT = 3,
  FRAME_REQUEST = 4,
  FRAME_REPLY = 5,
  FRAME_EVENT = 6,
  FRAME_BODY = 7,
  FRAME_OPEN = 16,
  FRAME_OPENED = 17,
  FRAME_REFUSED = 18,
  FRAME_DATA = 19,
  FRAME_CREDIT = 20,
  FRAME_END = 21,
  FRAME_RESET = 22,
  FRAME_RESIZE = 23,
  FRAME_EXIT = 24,
  FRAME_SIGNAL = 25,
};

/* 1, 2 and 6 are opened by the host, the others by the agent: for metadata, for names by TCP and by UDP, and for the API. */
enum stream_kind { KIND_TCP = 1, KIND_SHELL = 2, KIND_METADATA = 3, KIND_NAMES = 4, KIND_QUERY = 5, KIND_EXEC = 6, KIND_API = 7 };

/* With FILES the arguments are those of files.c instead of a program's. */
enum exec_flag { EXEC_TERMINAL = 1, EXEC_FILES = 2 };

enum refusal {
  REFUSED_PORT_CLOSED = 1,
  REFUSED_LIMIT = 2,
  REFUSED_NO_CONTAINER = 3,
  REFUSED_FAILED = 4,
  REFUSED_BAD_REQUEST = 5,
};

enum request {
  REQUEST_START = 1,
  REQUEST_FREEZE = 2,
  REQUEST_THAW = 3,
  REQUEST_SYNC = 4,
  REQUEST_POWER_OFF = 5,
  REQUEST_PING = 6,
  REQUEST_NETWORK = 7,
  REQUEST_SCRUB = 8,
  REQUEST_REHEARSE = 9,
};

enum reply_status { REPLY_OK = 0, REPLY_BAD_REQUEST = 1, REPLY_WRONG_STATE = 2, REPLY_FAILED = 3 };

enum event { EVENT_CONTAINER_EXIT = 1 };

enum container_state { CONTAINER_NONE = 0, CONTAINER_RUNNING = 1, CONTAINER_EXITED = 2 };

enum thaw_flag { THAW_RESTORED = 1, THAW_RESET_CONNECTIONS = 2 };

enum spec_field {
  SPEC_ARGUMENT = 1,
  SPEC_ENVIRONMENT = 2,
  SPEC_DIRECTORY = 3,
  SPEC_UID = 4,
  SPEC_GID = 5,
  SPEC_GROUP = 6,
  SPEC_HOSTNAME = 7,
  SPEC_ALL_CAPABILITIES = 8,
};

#define STREAM_STDOUT 2
#define STREAM_STDERR 4
/* What the host may send on a stream before it needs more credit. */
#define STREAM_WINDOW 131072
#define STREAM_LIMIT 2048
#define BODY_MAX 1048576

static inline uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static inline uint32_t get32(const uint8_t *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint64_t get64(const uint8_t *p) { return (uint64_t)get32(p) | (uint64_t)get32(p + 4) << 32; }
static inline void put16(uint8_t *p, uint16_t v) {
  p[0] = (uint8_t)v;
  p[1] = (uint8_t)(v >> 8);
}
static inline void put32(uint8_t *p, uint32_t v) {
  put16(p, (uint16_t)v);
  put16(p + 2, (uint16_t)(v >> 16));
}

#endif
