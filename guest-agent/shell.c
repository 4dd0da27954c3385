/* Processes of the container on pseudo-terminals of its own devpts: interactive shells, and commands that want one. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "agent.h"

static void set_size(int fd, uint16_t columns, uint16_t rows) {
  struct winsize size = {.ws_col = columns, .ws_row = rows};
  ioctl(fd, TIOCSWINSZ, &size);
}

void shell_resize(struct stream *stream, uint16_t columns, uint16_t rows) {
  if (stream->watch.fd >= 0) set_size(stream->watch.fd, columns, rows);
}

/* Reports the exit once the terminal has been read to its end and the process is reaped. */
void shell_finish(struct stream *stream) {
  if (!stream->fd_ended || stream->pid != 0) return;
  uint8_t code[4];
  put32(code, stream->exit_code);
  send_frame(stream->id, FRAME_EXIT, code, sizeof code);
  send_frame(stream->id, FRAME_END, NULL, 0);
  stream_drop(stream);
}

bool shell_reaped(pid_t pid, uint32_t exit_code) {
  struct stream *stream = stream_of_process(pid);
  if (stream == NULL) return false;
  stream->pid = 0;
  stream->exit_code = exit_code;
  shell_finish(stream);
  return true;
}

pid_t fork_into(int container) {
  int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
  if (own < 0) return -1;
  pid_t pid = -1;
  if (setns(container, CLONE_NEWPID) == 0) {
    pid = fork();
    if (pid != 0 && setns(own, CLONE_NEWPID) != 0) say("back to the own PID namespace: %m");
  }
  if (pid != 0) close(own);
  return pid;
}

static int open_terminal(int *terminal) {
  int master = open("/pts/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  int unlock = 0;
  if (master < 0) return -1;
  if (ioctl(master, TIOCSPTLCK, &unlock) == 0) *terminal = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (*terminal >= 0) return master;
  close(master);
  return -1;
}

static void run_on_terminal(const struct command *command, int terminal, int container) {
  fresh_process();
  if (ioctl(terminal, TIOCSCTTY, 0) != 0) _exit(126);
  for (int fd = 0; fd < 3; fd++)
    if (dup2(terminal, fd) < 0) _exit(126);
  exec_run(command, container);
}

const char *terminal_start(uint32_t id, uint32_t credit, uint16_t columns, uint16_t rows, const struct command *command) {
  /* Looked up here: in the child, which is in the container's PID namespace, the number means nothing. */
  int container = (int)syscall(SYS_pidfd_open, container_pid(), 0);
  int terminal = -1;
  int master = container < 0 ? -1 : open_terminal(&terminal);
  struct stream *stream = master < 0 ? NULL : stream_new(id, STREAM_SHELL, master, credit);
  const char *failed = stream == NULL ? "no terminal could be opened" : NULL;
  if (stream != NULL) {
    set_size(master, columns, rows);
    stream->pid = fork_into(container);
    if (stream->pid == 0) run_on_terminal(command, terminal, container);
    if (stream->pid < 0) {
      failed = "the process could not be started";
      stream_drop(stream);
    } else {
      stream_opened(stream);
    }
  } else if (master >= 0) {
    close(master);
  }
  if (terminal >= 0) close(terminal);
  if (container >= 0) close(container);
  return failed;
}

void shell_open(uint32_t id, uint32_t credit, const uint8_t *body, size_t length) {
  if (container_pid() == 0) {
    refuse(id, REFUSED_NO_CONTAINER, "no container is running");
    return;
  }
  const char *reason = "malformed command";
  struct spec *wanted = length < 4 ? NULL : spec_read(body + 4, length - 4, &reason);
  if (wanted == NULL) {
    refuse(id, REFUSED_BAD_REQUEST, reason);
    return;
  }
  struct command command = {.arguments = wanted->argument_count > 0 ? wanted->arguments : NULL};
  const char *failed = terminal_start(id, credit, get16(body), get16(body + 2), &command);
  if (failed != NULL) refuse(id, REFUSED_FAILED, failed);
  spec_free(wanted);
}
