/* The guest agent: process 1 of every MicroVM. See docs/channel.md. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"

static void child_ready(struct watch *watch, uint32_t events) {
  (void)events;
  struct signalfd_siginfo ignored;
  while (read(watch->fd, &ignored, sizeof ignored) > 0) continue;
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
    uint32_t code = WIFSIGNALED(status) ? 128 + (uint32_t)WTERMSIG(status) : (uint32_t)WEXITSTATUS(status);
    if (!rehearsal_reaped(pid, code) && !shell_reaped(pid, code)) container_reaped(pid, status);
  }
}

static struct watch children = {.fd = -1, .ready = child_ready};

int main(int count, char **arguments) {
  if (getpid() != 1) return files_main(count, arguments);
  boot_modules();
  boot_mounts();
  boot_loopback();
  boot_root_disk();
  /* The tenant can use up all memory, but not push the agent out of it. */
  mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
  loop_begin();
  sigset_t signals;
  sigfillset(&signals);
  sigprocmask(SIG_SETMASK, &signals, NULL);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  children.fd = signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
  watch_for(&children, EPOLLIN);
  network_begin();
  upward_begin();
  channel_begin(boot_channel());
  say("ready");
  for (;;) loop_turn(-1);
}
