/* The container: started once, reported when its process 1 ends. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"

/* The exit is announced behind the last output, but not later than this. */
#define LAST_OUTPUT_MILLISECONDS 1000

static void progress_ready(struct watch *watch, uint32_t events);
static void announce_exit(void);

static struct spec *spec;
static pid_t pid;
static enum container_state state;
static uint32_t exit_code;
static struct watch progress = {.fd = -1, .ready = progress_ready};
static bool answer_due;
static uint32_t answer_tag;
static struct timer last_output = {.expired = announce_exit};

enum container_state container_state(void) { return state; }
uint32_t container_exit_code(void) { return exit_code; }
const struct spec *container_spec(void) { return spec; }
pid_t container_pid(void) { return state == CONTAINER_RUNNING ? pid : 0; }
void container_forget_request(void) { answer_due = false; }

static void give_up(void) {
  watch_close(&progress);
  output_discard();
  spec_free(spec);
  spec = NULL;
  pid = 0;
  state = CONTAINER_NONE;
}

/* The child writes why it could not become the container; execve() closes the pipe without a word. */
static void progress_ready(struct watch *watch, uint32_t events) {
  (void)events;
  char text[512];
  ssize_t length = read(watch->fd, text, sizeof text - 1);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
  bool answer = answer_due;
  answer_due = false;
  if (length > 0) {
    text[length] = 0;
    give_up();
    if (answer) reply(answer_tag, REPLY_FAILED, "%s", text);
    return;
  }
  watch_close(watch);
  if (answer) reply(answer_tag, REPLY_OK, NULL);
}

static void run_child(int out, int err, int report) {
  if (dup2(out, 1) < 0 || dup2(err, 2) < 0) _exit(126);
  const char *step = become_container(spec);
  int error = errno;
  char text[400];
  int length = snprintf(text, sizeof text, "could not %s (%.200s): %s", step, spec->arguments[0], strerror(error));
  if (length > 0) (void)!write(report, text, strlen(text));
  _exit(error == ENOENT ? 127 : 126);
}

void container_start(uint32_t tag, const uint8_t *body, size_t length) {
  if (state != CONTAINER_NONE) {
    reply(tag, REPLY_WRONG_STATE, "the container was started already");
    return;
  }
  const char *reason = "no command";
  spec = spec_read(body, length, &reason);
  if (spec == NULL || spec->argument_count == 0) {
    reply(tag, REPLY_BAD_REQUEST, "%s", reason);
    spec_free(spec);
    spec = NULL;
    return;
  }
  if (!spec->all_capabilities) write_file("/proc/sys/kernel/unprivileged_userns_clone", "0");
  int out[2], err[2], report[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0 || pipe2(report, O_CLOEXEC | O_NONBLOCK) != 0) {
    reply(tag, REPLY_FAILED, "pipe: %s", strerror(errno)); /* out of descriptors: nothing to clean up for */
    return;
  }
  fcntl(out[0], F_SETFL, O_NONBLOCK);
  fcntl(err[0], F_SETFL, O_NONBLOCK);
  /* So that the user of the container may open /dev/stdout again. */
  (void)!fchown(out[1], spec->uid, spec->gid);
  (void)!fchown(err[1], spec->uid, spec->gid);
  long flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | SIGCHLD;
  pid = (pid_t)syscall(SYS_clone, flags, 0, 0, 0, 0);
  if (pid == 0) run_child(out[1], err[1], report[1]);
  int error = errno;
  close(out[1]);
  close(err[1]);
  close(report[1]);
  progress.fd = report[0];
  state = CONTAINER_RUNNING;
  if (!output_begin(out[0], err[0]) || pid < 0) {
    give_up();
    reply(tag, REPLY_FAILED, "clone: %s", strerror(error));
    return;
  }
  answer_due = true;
  answer_tag = tag;
  watch_for(&progress, EPOLLIN);
}

static void announce_exit(void) {
  timer_stop(&last_output);
  uint8_t payload[5] = {EVENT_CONTAINER_EXIT};
  put32(payload + 1, exit_code);
  send_frame(0, FRAME_EVENT, payload, sizeof payload);
}

void container_output_ended(void) {
  if (state == CONTAINER_EXITED && last_output.deadline != 0 && output_drained()) announce_exit();
}

void container_reaped(pid_t reaped, int status) {
  if (reaped != pid || state != CONTAINER_RUNNING) return;
  if (progress.fd >= 0) progress_ready(&progress, EPOLLIN);
  if (state != CONTAINER_RUNNING) return; /* it never became the container */
  state = CONTAINER_EXITED;
  exit_code = WIFSIGNALED(status) ? 128 + (uint32_t)WTERMSIG(status) : (uint32_t)WEXITSTATUS(status);
  timer_start(&last_output, LAST_OUTPUT_MILLISECONDS);
  container_output_ended();
}
