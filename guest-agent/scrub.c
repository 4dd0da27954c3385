/* Free memory made empty, so that a snapshot need not hold what was used once and given back. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>

#include "agent.h"

#define MIB (UINT64_C(1) << 20)
/* The kernel goes on with what it has free meanwhile. */
#define RESERVE (64 * MIB)
/* Free memory is not given out in exactly the order in which it came back. */
#define SLACK (16 * MIB)
/* So much is not worth the work: much of it has never held anything but zeros. */
#define NEGLIGIBLE (48 * MIB)
/* More would take longer than the host waits for an answer. */
#define MOST (UINT64_C(2) << 30)

/* Takes free pages and gives them back: the kernel hands out those used last first, and clears each that it hands out. */
static bool take_and_give_back(uint64_t bytes) {
  void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages == MAP_FAILED) return false;
  /* Huge pages would come from memory that nobody has touched yet. */
  bool taken = madvise(pages, bytes, MADV_NOHUGEPAGE) == 0 && madvise(pages, bytes, MADV_POPULATE_WRITE) == 0;
  munmap(pages, bytes);
  return taken;
}

/* The host knows how much memory was ever written, the guest how much is in use: the difference is what to clear. */
void scrub(uint32_t tag, const uint8_t *body, size_t length) {
  struct sysinfo info;
  if (length < 16 || !frozen()) {
    reply(tag, length < 16 ? REPLY_BAD_REQUEST : REPLY_WRONG_STATE, "scrubbing is for a frozen container");
    return;
  }
  uint64_t size = get64(body), written = get64(body + 8);
  if (sysinfo(&info) != 0) {
    reply(tag, REPLY_FAILED, "sysinfo: %s", strerror(errno));
    return;
  }
  uint64_t available = (uint64_t)info.freeram * info.mem_unit;
  uint64_t used = size > available ? size - available : 0;
  uint64_t stale = written > used + NEGLIGIBLE ? written - used + SLACK : 0;
  uint64_t most = available > RESERVE ? available - RESERVE : 0;
  if (stale > most) stale = most;
  if (stale > MOST) stale = MOST;
  if (stale == 0 || take_and_give_back(stale & ~(MIB - 1))) reply(tag, REPLY_OK, NULL);
  else reply(tag, REPLY_FAILED, "take free memory: %s", strerror(errno));
}
