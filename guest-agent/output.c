/* The container's standard output and error: two streams that are always open and outlive connections. */
#define _GNU_SOURCE
#include <unistd.h>

#include "agent.h"

static struct stream *streams[2];
/* Without credit nothing is read, so that the pipe holds the container back while no host listens. */
static uint32_t first_credit;

static void begin(struct stream *stream) {
  if (stream->fd_ended) {
    send_frame(stream->id, FRAME_END, NULL, 0);
    return;
  }
  stream->opened = true;
  stream->credit = first_credit;
  stream_update(stream);
}

bool output_begin(int out, int err) {
  streams[0] = stream_new(STREAM_STDOUT, STREAM_OUTPUT, out, 0);
  streams[1] = stream_new(STREAM_STDERR, STREAM_OUTPUT, err, 0);
  if (streams[0] == NULL || streams[1] == NULL) return false;
  for (int i = 0; i < 2 && channel_connected(); i++) begin(streams[i]);
  return true;
}

void output_flush(void) {
  for (int i = 0; i < 2; i++)
    while (streams[i] != NULL && stream_pump_out(streams[i])) continue;
}

void output_discard(void) {
  for (int i = 0; i < 2; i++) {
    if (streams[i] != NULL) stream_drop(streams[i]);
    streams[i] = NULL;
  }
}

void output_connected(uint32_t credit) {
  first_credit = credit;
  for (int i = 0; i < 2; i++)
    if (streams[i] != NULL) begin(streams[i]);
}

bool output_drained(void) {
  return streams[0] == NULL || streams[1] == NULL || (streams[0]->fd_ended && streams[1]->fd_ended);
}
