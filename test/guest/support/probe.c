/* The container's command in tests: one static program, told by its arguments what to do. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int listen_on(int port, int family) {
  int fd = socket(family, SOCK_STREAM, 0), on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  void *address = family == AF_INET ? (void *)&v4 : (void *)&v6;
  if (bind(fd, address, family == AF_INET ? sizeof v4 : sizeof v6) != 0 || listen(fd, 64) != 0) {
    perror("listen");
    exit(1);
  }
  return fd;
}

/* 7000, and 7006 on ::1: everything comes back until the client ends, then one more word. */
static void echo(int fd) {
  char bytes[65536];
  ssize_t length;
  while ((length = read(fd, bytes, sizeof bytes)) > 0)
    for (ssize_t at = 0, n; at < length; at += n)
      if ((n = write(fd, bytes + at, (size_t)(length - at))) <= 0) return;
  (void)!write(fd, "bye", 3);
}

/* 7001: resets after the first byte. */
static void reset(int fd) {
  char byte;
  (void)!read(fd, &byte, 1);
  struct linger now = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

/* 7002: says how the client's side ended. */
static char last_end[32] = "none";
static void notice(int fd) {
  char bytes[4096];
  ssize_t length;
  (void)!write(fd, "hello", 5);
  while ((length = read(fd, bytes, sizeof bytes)) > 0) continue;
  strcpy(last_end, length == 0 ? "end" : "reset");
}
static void tell_last_end(int fd) { (void)!write(fd, last_end, strlen(last_end)); }

/* 7004: never reads. */
static void ignore_client(int fd) {
  (void)fd;
  sleep(1000);
}

/* 7005: as much as the client takes. */
static void flood(int fd) {
  static char bytes[65536];
  while (write(fd, bytes, sizeof bytes) > 0) continue;
}

/* 7007: 16 bytes of the kernel's randomness and the time. */
static void world(int fd) {
  unsigned char bytes[16];
  char text[128];
  int at = 0;
  if (getentropy(bytes, sizeof bytes) != 0) return;
  for (int i = 0; i < 16; i++) at += sprintf(text + at, "%02x", bytes[i]);
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  at += sprintf(text + at, " %lld.%09ld", (long long)now.tv_sec, now.tv_nsec);
  (void)!write(fd, text, (size_t)at);
}

/* 7008: "o<n>\n" prints n bytes, "x<n>\n" exits. */
static void command(int fd) {
  char text[64] = {0};
  if (read(fd, text, sizeof text - 1) <= 0) return;
  int number = atoi(text + 1);
  if (text[0] == 'x') exit(number);
  if (text[0] == 'k') kill(getpid(), number);
  for (int i = 0; i < number; i++) putchar(i % 64 == 63 ? '\n' : 'o');
  fflush(stdout);
  (void)!write(fd, "done", 4);
}

/* 7009: answers every byte in two writes, as simple servers do with head and body. */
static void answer_in_two(int fd) {
  char byte;
  while (read(fd, &byte, 1) == 1)
    if (write(fd, "head ", 5) != 5 || write(fd, "body\n", 5) != 5) return;
}

struct service {
  int port, family, fd;
  void (*serve)(int fd);
};

struct client {
  struct service *service;
  int fd;
};

static void *serve(void *argument) {
  struct client *client = argument;
  client->service->serve(client->fd);
  close(client->fd);
  free(client);
  return NULL;
}

static void *accept_all(void *argument) {
  struct service *service = argument;
  for (;;) {
    struct client *client = malloc(sizeof *client);
    client->service = service;
    client->fd = accept(service->fd, NULL, NULL);
    pthread_t thread;
    if (client->fd < 0 || pthread_create(&thread, NULL, serve, client) != 0) abort();
    pthread_detach(thread);
  }
  return NULL;
}

int main(void) {
  static struct service services[] = {
      {7000, AF_INET, 0, echo},  {7001, AF_INET, 0, reset},         {7002, AF_INET, 0, notice},
      {7003, AF_INET, 0, tell_last_end}, {7004, AF_INET, 0, ignore_client}, {7005, AF_INET, 0, flood},
      {7006, AF_INET6, 0, echo}, {7007, AF_INET, 0, world},         {7008, AF_INET, 0, command},
      {7009, AF_INET, 0, answer_in_two},
  };
  signal(SIGPIPE, SIG_IGN);
  for (size_t i = 0; i < sizeof services / sizeof *services; i++)
    services[i].fd = listen_on(services[i].port, services[i].family);
  for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, accept_all, &services[i]) != 0) abort();
  }
  printf("probe is up\n");
  fflush(stdout);
  fprintf(stderr, "probe has an error stream\n");
  pause();
}
