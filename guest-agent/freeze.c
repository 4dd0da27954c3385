/* Holding the tenant still for a snapshot, and letting it go on with the right time and fresh randomness. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"

/* A process that hangs in the kernel cannot be frozen; then the freeze is taken back. */
#define FREEZE_MILLISECONDS 10000
#define ENTROPY_MAX 512

static void events_ready(struct watch *watch, uint32_t events);
static void freeze_expired(void);

static struct watch events_file = {.fd = -1, .ready = events_ready};
static struct timer patience = {.expired = freeze_expired};
static bool is_frozen, answer_due;
static uint32_t answer_tag;

bool frozen(void) { return is_frozen; }
void freeze_forget_request(void) { answer_due = false; }

static void stop_waiting(void) {
  watch_close(&events_file);
  timer_stop(&patience);
}

static void answer(enum reply_status status, const char *text) {
  if (answer_due) reply(answer_tag, status, text == NULL ? NULL : "%s", text);
  answer_due = false;
}

static bool sync_disk(void) {
  int disk = open(ROOT_DISK, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (disk < 0) return false;
  bool done = syncfs(disk) == 0;
  close(disk);
  return done;
}

static void look(void) {
  char text[128];
  ssize_t length = pread(events_file.fd, text, sizeof text - 1, 0);
  if (length < 0) return;
  text[length] = 0;
  if (strstr(text, "frozen 1") == NULL) return;
  stop_waiting();
  is_frozen = true;
  if (sync_disk()) answer(REPLY_OK, NULL);
  else answer(REPLY_FAILED, "the disk could not be synchronised");
}

static void events_ready(struct watch *watch, uint32_t events) {
  (void)watch;
  (void)events;
  look();
}

static void freeze_expired(void) {
  stop_waiting();
  write_file(CGROUP "/cgroup.freeze", "0");
  answer(REPLY_FAILED, "the container could not be frozen in time");
}

void freeze(uint32_t tag) {
  answer(REPLY_FAILED, "overtaken by another freeze");
  stop_waiting();
  answer_due = true;
  answer_tag = tag;
  events_file.fd = open(CGROUP "/cgroup.events", O_RDONLY | O_CLOEXEC);
  if (events_file.fd < 0 || !write_file(CGROUP "/cgroup.freeze", "1")) {
    stop_waiting();
    answer(REPLY_FAILED, "the container's cgroup cannot be frozen");
    return;
  }
  timer_start(&patience, FREEZE_MILLISECONDS);
  look();
  watch_for(&events_file, EPOLLPRI);
}

bool reseed(const uint8_t *bytes, size_t amount, bool credited) {
  struct {
    int entropy_count, buf_size;
    uint8_t bytes[ENTROPY_MAX];
  } pool;
  if (amount > ENTROPY_MAX) amount = ENTROPY_MAX;
  pool.entropy_count = credited ? (int)amount * 8 : 0;
  pool.buf_size = (int)amount;
  memcpy(pool.bytes, bytes, amount);
  int random = open("/dev/urandom", O_WRONLY | O_CLOEXEC);
  bool seeded = random >= 0 && ioctl(random, RNDADDENTROPY, &pool) == 0 && ioctl(random, RNDRESEEDCRNG) == 0;
  explicit_bzero(&pool, sizeof pool);
  if (random >= 0) close(random);
  return seeded;
}

/* NULL, or what could not be done. */
static const char *refresh(const uint8_t *body, size_t length) {
  uint64_t nanoseconds = get64(body);
  struct timespec time = {.tv_sec = (time_t)(nanoseconds / 1000000000), .tv_nsec = (long)(nanoseconds % 1000000000)};
  if (clock_settime(CLOCK_REALTIME, &time) != 0) return "the clock could not be set";
  return reseed(body + 8, length - 8, true) ? NULL : "the random number generator could not be reseeded";
}

void thaw(uint32_t tag, const uint8_t *body, size_t length) {
  if (length < 1 || (body[0] & THAW_RESTORED && length < 9)) {
    reply(tag, REPLY_BAD_REQUEST, "malformed thaw");
    return;
  }
  answer(REPLY_FAILED, "overtaken by a thaw");
  stop_waiting();
  const char *failed = body[0] & THAW_RESTORED ? refresh(body + 1, length - 1) : NULL;
  if (body[0] & THAW_RESET_CONNECTIONS && !connections_reset()) say("connections to the outside could not be reset");
  if (failed == NULL && !write_file(CGROUP "/cgroup.freeze", "0")) failed = "the container's cgroup cannot be thawed";
  if (failed != NULL) {
    reply(tag, REPLY_FAILED, "%s", failed);
    return;
  }
  is_frozen = false;
  reply(tag, REPLY_OK, NULL);
}

void flush_disk(uint32_t tag) {
  if (sync_disk()) reply(tag, REPLY_OK, NULL);
  else reply(tag, REPLY_FAILED, "the disk could not be synchronised");
}
