/*
 * What the first request makes the kernel do, done once while nobody waits for it: software emulation translates code
 * when it runs for the first time, and that takes most of the time of a start. The container stays frozen meanwhile.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"

/* Beside the container's, which is frozen with all that is below it. */
#define STAGE "/sys/fs/cgroup/squib-rehearsal"
#define ROUNDS 3
#define LONGEST_SECONDS 5

static pid_t actor;
static bool answer_due;
static uint32_t answer_tag;

void rehearsal_forget_request(void) { answer_due = false; }

static void doze(void) {
  struct timespec moment = {.tv_nsec = 1000000};
  clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL);
}

static void touch_memory(void) {
  size_t length = 256 << 10;
  char *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return;
  for (size_t at = 0; at < length; at += 4096) memory[at] = 1;
  madvise(memory, length / 2, MADV_DONTNEED);
  mprotect(memory, 4096, PROT_NONE);
  munmap(memory, length);
}

/* As small servers do it: a thread for each connection, head and body written one after the other. */
static void *serve(void *argument) {
  int fd = (int)(intptr_t)argument;
  char bytes[512];
  (void)!getrandom(bytes, 32, 0);
  if (recv(fd, bytes, sizeof bytes, 0) > 0) {
    (void)!send(fd, bytes, 128, MSG_NOSIGNAL);
    (void)!send(fd, bytes, 16, MSG_NOSIGNAL);
  }
  touch_memory();
  shutdown(fd, SHUT_WR);
  while (recv(fd, bytes, sizeof bytes, 0) > 0) continue;
  close(fd);
  return NULL;
}

static void accept_connections(int listener) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  alarm(LONGEST_SECONDS);
  join_cgroup(STAGE);
  for (int round = 0; round < ROUNDS; round++) {
    struct pollfd ready = {.fd = listener, .events = POLLIN};
    if (poll(&ready, 1, -1) <= 0) _exit(1);
    struct sockaddr_in from;
    socklen_t length = sizeof from;
    int fd = accept4(listener, (struct sockaddr *)&from, &length, SOCK_CLOEXEC);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    pthread_t thread;
    if (fd < 0 || pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) != 0) _exit(1);
    pthread_join(thread, NULL);
  }
  _exit(0);
}

/* Holds the server still and lets it go on, as a snapshot and a start do with the container. */
static void freeze_and_thaw(void) {
  char text[128] = "";
  write_file(STAGE "/cgroup.freeze", "1");
  for (int i = 0; i < 200 && strstr(text, "frozen 1") == NULL; i++) {
    doze();
    int fd = open(STAGE "/cgroup.events", O_RDONLY | O_CLOEXEC);
    ssize_t length = read(fd, text, sizeof text - 1);
    text[length > 0 ? length : 0] = 0;
    close(fd);
  }
  write_file(STAGE "/cgroup.freeze", "0");
}

static bool ask(const struct sockaddr_in *address) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  char bytes[512] = "GET / HTTP/1.1\r\n\r\n";
  bool done = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 && send(fd, bytes, 64, MSG_NOSIGNAL) > 0;
  while (done && recv(fd, bytes, sizeof bytes, 0) > 0)
    setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
  close(fd);
  return done;
}

static void act(void) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  alarm(LONGEST_SECONDS);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 8) != 0 ||
      getsockname(listener, (struct sockaddr *)&address, &length) != 0)
    _exit(1);
  pid_t server = fork();
  if (server == 0) accept_connections(listener);
  doze();
  for (int round = 0; round < ROUNDS; round++) {
    freeze_and_thaw();
    if (!ask(&address)) _exit(1);
  }
  int status = 1;
  _exit(server > 0 && waitpid(server, &status, 0) == server && status == 0 ? 0 : 1);
}

/* The steps of a thaw that change nothing: the time is the same, and the bytes are credited with no entropy. */
static void refresh_nothing(void) {
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) == 0) clock_settime(CLOCK_REALTIME, &now);
  static const uint8_t nothing[64];
  reseed(nothing, sizeof nothing, false);
}

void rehearse(uint32_t tag) {
  if (!frozen() || actor != 0) {
    reply(tag, REPLY_WRONG_STATE, "a rehearsal is for a frozen container, one at a time");
    return;
  }
  refresh_nothing();
  connections_reset();
  mkdir(STAGE, 0755);
  actor = fork();
  if (actor == 0) act();
  if (actor < 0) {
    actor = 0;
    reply(tag, REPLY_FAILED, "fork: %s", strerror(errno));
    return;
  }
  answer_due = true;
  answer_tag = tag;
}

bool rehearsal_reaped(pid_t pid, uint32_t exit_code) {
  if (actor == 0 || pid != actor) return false;
  actor = 0;
  rmdir(STAGE);
  if (answer_due && exit_code == 0) reply(answer_tag, REPLY_OK, NULL);
  else if (answer_due) reply(answer_tag, REPLY_FAILED, "the rehearsal ended with %u", exit_code);
  answer_due = false;
  return true;
}
