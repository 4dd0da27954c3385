/* What the parts of the guest agent know of each other. One thread, one epoll, no allocation that grows without bound. */
#ifndef SQUIB_AGENT_H
#define SQUIB_AGENT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol.h"

/* loop.c */
struct watch {
  int fd; /* -1: not watched; events that are still under way for it are dropped */
  uint32_t interest;
  void (*ready)(struct watch *watch, uint32_t events);
};
struct timer {
  uint64_t deadline; /* milliseconds of CLOCK_MONOTONIC, 0: not running */
  void (*expired)(void);
  struct timer *next;
  bool known;
};
void loop_begin(void);
/* Interest 0 takes the descriptor out of the epoll, because hang-ups cannot be masked there. */
void watch_for(struct watch *watch, uint32_t interest);
void watch_close(struct watch *watch);
void timer_start(struct timer *timer, uint64_t milliseconds);
void timer_stop(struct timer *timer);
/* Waits for events and timers, at most `longest` milliseconds (-1: for ever), and deals with them. */
void loop_turn(int longest);
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* boot.c */
void boot_mounts(void);
void boot_modules(void);
void boot_loopback(void);
void boot_root_disk(void);
int boot_channel(void);
void power_off(void);
#define ROOT_DISK "/disk"
#define CGROUP "/sys/fs/cgroup/squib"
#define CGROUP_CONTAINER CGROUP "/system.slice/app"

/* channel.c */
void channel_begin(int fd);
/* True while data frames may be queued; streams are told by streams_resume() when it becomes true again. */
bool channel_has_room(void);
bool channel_connected(void);
void send_frame(uint32_t stream, uint8_t type, const void *payload, size_t length);
/* For payloads produced in place: space for PAYLOAD_MAX bytes, then send_placed() with what was put there. */
uint8_t *place_payload(void);
void send_placed(uint32_t stream, uint8_t type, size_t length);
void channel_flush(void);
/* Writes and reads what is due; the loop calls it before it sleeps. */
void channel_turn(void);
void channel_fault(const char *reason);

/* control.c */
void control_frame(uint8_t type, const uint8_t *payload, size_t length);
void control_forget(void);
/* What BODY frames have brought for the frame that comes now; it is forgotten behind that. */
const uint8_t *control_body(size_t *length);
void reply(uint32_t tag, enum reply_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* streams.c: flow control between one descriptor and one stream */
struct stream {
  struct watch watch;
  uint32_t id;
  /* A command without a terminal is three streams: EXEC (its input and its end) and two of EXEC_OUTPUT. */
  enum { STREAM_TCP, STREAM_SHELL, STREAM_OUTPUT, STREAM_QUERY, STREAM_EXEC, STREAM_EXEC_OUTPUT } kind;
  struct stream *next;
  bool upward;       /* opened by the agent */
  bool opened;       /* OPENED was sent; before that only the connection is being made */
  bool host_ended;   /* END came */
  bool fd_ended;     /* the descriptor has nothing more to read, END was sent */
  bool write_closed; /* everything the host sent was written and the descriptor was told */
  bool dead;
  uint32_t credit;   /* what may be sent to the host */
  uint32_t window;   /* what the host may still send */
  uint32_t consumed; /* written to the descriptor, not yet granted again */
  uint8_t *queue;    /* STREAM_WINDOW bytes, allocated when a write would block */
  uint32_t queued_from, queued;
  uint16_t port; /* TCP */
  bool ipv6;
  int reply_fd;  /* query */
  struct sockaddr_in reply_to;
  pid_t pid; /* shell or command, 0 once it has been reaped */
  uint32_t exit_code;
};
struct stream *stream_new(uint32_t id, int kind, int fd, uint32_t credit);
struct stream *stream_find(uint32_t id);
struct stream *stream_of_process(pid_t pid);
unsigned stream_count(void);
void stream_opened(struct stream *stream);
void stream_frame(uint32_t id, uint8_t type, const uint8_t *payload, size_t length);
void stream_update(struct stream *stream);
/* Sends one frame of what the descriptor has. False when there is nothing, or no credit or room for it. */
bool stream_pump_out(struct stream *stream);
void stream_reset(struct stream *stream);
void stream_drop(struct stream *stream);
void streams_resume(void);
/* Closes everything that belongs to a connection; the container's output stays, without credit. */
void streams_drop_connection(void);
void streams_bury(void);
void refuse(uint32_t id, enum refusal code, const char *reason);

/* tcp.c */
void tcp_open(uint32_t id, uint16_t port, uint32_t credit);
void tcp_connected(struct stream *stream);

/* network.c */
void network_begin(void);
void network_set(uint32_t tag, const uint8_t *body, size_t length);

/* upward.c: what listens for the container, and passes it to the host */
void upward_listen(uint8_t kind, uint32_t address, uint16_t port);
void upward_begin(void);
void upward_closed(void);
void query_answer(struct stream *stream, const uint8_t *bytes, size_t length);

/* connections.c: resets every TCP connection but those within the guest's loopback. False when that cannot be done. */
bool connections_reset(void);

/* output.c: the container's stdout and stderr */
bool output_begin(int out, int err);
void output_connected(uint32_t credit);
/* Sends what the pipes hold, as far as credit and room go. */
void output_flush(void);
void output_discard(void);
bool output_drained(void);

/* shell.c */
void shell_open(uint32_t id, uint32_t credit, const uint8_t *body, size_t length);
void shell_resize(struct stream *stream, uint16_t columns, uint16_t rows);
bool shell_reaped(pid_t pid, uint32_t exit_code);
void shell_finish(struct stream *stream);
/* Starts `run` in a new process of the container on a terminal of its own. NULL, or what failed. */
struct command;
const char *terminal_start(uint32_t id, uint32_t credit, uint16_t columns, uint16_t rows, const struct command *command);
/* A child in the container's PID namespace that is nevertheless ours to reap. */
pid_t fork_into(int container);

/* exec.c: commands in the container */
struct command {
  char **arguments;        /* NULL: bash, else sh */
  const struct spec *over; /* what it has instead of the container's, or NULL: then it is a shell of uid 0 */
  bool files;              /* files.c instead of a program */
};
void exec_open(uint32_t id, uint32_t credit, const uint8_t *payload, size_t length);
/* Runs in the child, whose descriptors are in place already. */
void exec_run(const struct command *command, int container) __attribute__((noreturn));
void exec_signal(const struct stream *stream, int number);

/* files.c: copies between the container's files and standard input and output, as a program of its own */
#define FILES_PROGRAM "squib-files"
int files_main(int count, char **arguments);

/* spec.c: what the host wants to run, and how a process of the container is made from it */
struct spec {
  char **arguments, **environment;
  size_t argument_count, environment_count, group_count;
  char *directory, *hostname;
  uid_t uid;
  gid_t gid;
  gid_t groups[64];
  bool all_capabilities;
  bool user_given; /* uid or gid were among the fields */
  char *text; /* what the strings point into */
};
/* NULL with a reason when the bytes make no sense. */
struct spec *spec_read(const uint8_t *bytes, size_t length, const char **reason);
void spec_free(struct spec *spec);

/* container.c */
void container_start(uint32_t tag, const uint8_t *body, size_t length);
void container_reaped(pid_t pid, int status);
void container_output_ended(void);
void container_forget_request(void);
enum container_state container_state(void);
uint32_t container_exit_code(void);
const struct spec *container_spec(void);
pid_t container_pid(void);

/* setup.c: runs in the child that becomes the container's process 1. Returns only on failure: what could not be done. */
const char *become_container(const struct spec *spec);

/* process.c: what every process of the container goes through before it runs the tenant's program */
void fresh_process(void);
int join_cgroup(const char *path);
/* Limits, groups, capabilities and ids. 0, or -1 with errno. */
int drop_privileges(const struct spec *spec, uid_t uid, gid_t gid, const gid_t *groups, size_t group_count);
/* The environment with PATH, HOME and `extra` (ended by NULL) where it lacks them. */
char **complete_environment(const struct spec *spec, uid_t uid, const char *const *extra);
/* For kernel files: true when all of `text` was taken. */
bool write_file(const char *path, const char *text);

/* freeze.c */
void freeze(uint32_t tag);
void thaw(uint32_t tag, const uint8_t *body, size_t length);
void freeze_forget_request(void);
bool frozen(void);
void flush_disk(uint32_t tag);
/* Adds bytes to the kernel's pool and has it begin anew; `credited`: they count as random. */
bool reseed(const uint8_t *bytes, size_t amount, bool credited);

/* scrub.c */
void scrub(uint32_t tag, const uint8_t *body, size_t length);

/* rehearse.c */
void rehearse(uint32_t tag);
void rehearsal_forget_request(void);
bool rehearsal_reaped(pid_t pid, uint32_t exit_code);

#endif
