#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"

static int epoll = -1;
static struct timer *timers;

void say(const char *format, ...) {
  char line[512];
  va_list list;
  va_start(list, format);
  int length = vsnprintf(line, sizeof line - 1, format, list);
  va_end(list);
  if (length < 0) return;
  if ((size_t)length > sizeof line - 2) length = sizeof line - 2;
  line[length] = '\n';
  (void)!write(2, "guest-agent: ", 13);
  (void)!write(2, line, (size_t)length + 1);
}

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void loop_begin(void) {
  epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) {
    say("epoll_create1: %m");
    _exit(1);
  }
}

void watch_for(struct watch *watch, uint32_t interest) {
  if (watch->fd < 0 || interest == watch->interest) return;
  struct epoll_event event = {.events = interest, .data.ptr = watch};
  int how = watch->interest == 0 ? EPOLL_CTL_ADD : interest == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
  if (epoll_ctl(epoll, how, watch->fd, &event) != 0) say("epoll_ctl: %m");
  watch->interest = interest;
}

void watch_close(struct watch *watch) {
  if (watch->fd < 0) return;
  watch_for(watch, 0);
  close(watch->fd);
  watch->fd = -1;
}

void timer_start(struct timer *timer, uint64_t milliseconds) {
  if (!timer->known) {
    timer->known = true;
    timer->next = timers;
    timers = timer;
  }
  timer->deadline = now() + milliseconds;
}

void timer_stop(struct timer *timer) { timer->deadline = 0; }

static int until_next_timer(int longest) {
  uint64_t nearest = 0;
  for (struct timer *t = timers; t != NULL; t = t->next)
    if (t->deadline != 0 && (nearest == 0 || t->deadline < nearest)) nearest = t->deadline;
  if (nearest == 0) return longest;
  uint64_t at = now();
  int left = nearest <= at ? 0 : (int)(nearest - at);
  return longest >= 0 && longest < left ? longest : left;
}

void loop_turn(int longest) {
  struct epoll_event events[64];
  channel_turn();
  streams_bury();
  int count = epoll_wait(epoll, events, 64, until_next_timer(longest));
  if (count < 0 && errno != EINTR) {
    say("epoll_wait: %m");
    _exit(1);
  }
  for (int i = 0; i < count; i++) {
    struct watch *watch = events[i].data.ptr;
    if (watch->fd >= 0 && watch->interest != 0) watch->ready(watch, events[i].events);
  }
  for (struct timer *t = timers; t != NULL; t = t->next) {
    if (t->deadline == 0 || t->deadline > now()) continue;
    t->deadline = 0;
    t->expired();
  }
}
