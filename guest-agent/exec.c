/* Commands in the container: on a terminal (shell.c), or with pipes for input, output and errors. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent.h"

/* spec: shell section 4. bash takes the prompt after its start-up files, which would set their own. */
static const char *const shell_environment[] = {
    "TERM=xterm", "PS1=λ $ ", "PROMPT_COMMAND=PS1='λ $ '; unset PROMPT_COMMAND", NULL};

/* What the command sets comes last and wins: the C library's getenv() would take the first, so doubles are left out. */
static struct spec *merged(const struct spec *base, const struct spec *over) {
  struct spec *both = malloc(sizeof *both);
  char **entries = calloc(base->environment_count + over->environment_count + 1, sizeof(char *));
  if (both == NULL || entries == NULL) return NULL;
  *both = *base;
  both->environment = entries;
  memcpy(entries, over->environment, over->environment_count * sizeof(char *));
  both->environment_count = over->environment_count;
  for (size_t i = 0; i < base->environment_count; i++) {
    size_t name = strcspn(base->environment[i], "=") + 1;
    size_t j = 0;
    while (j < over->environment_count && strncmp(over->environment[j], base->environment[i], name) != 0) j++;
    if (j == over->environment_count) entries[both->environment_count++] = base->environment[i];
  }
  if (over->directory != NULL) both->directory = over->directory;
  if (over->user_given) {
    both->uid = over->uid;
    both->gid = over->gid;
    both->group_count = over->group_count;
    memcpy(both->groups, over->groups, sizeof both->groups);
  }
  return both;
}

static void complain(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  _exit(errno == ENOENT ? 127 : 126);
}

static void run_shell(void) {
  execvp("bash", (char *[]){"bash", NULL});
  execvp("sh", (char *[]){"sh", NULL});
  fprintf(stderr, "This image has neither bash nor sh.\r\n");
  _exit(127);
}

/* Run anew, so that it holds nothing of the agent's memory and no capability that the container does not have. */
static void run_files(int self, const struct command *command, const struct spec *spec) {
  char uid[16], gid[16];
  snprintf(uid, sizeof uid, "%u", spec->uid);
  snprintf(gid, sizeof gid, "%u", spec->gid);
  char *arguments[] = {FILES_PROGRAM, command->arguments[0], command->arguments[1], uid, gid, NULL};
  syscall(SYS_execveat, self, "", arguments, (char *[]){NULL}, AT_EMPTY_PATH);
}

void exec_run(const struct command *command, int container) {
  const struct spec *spec = container_spec();
  bool shell = command->over == NULL;
  int self = command->files ? open("/proc/self/exe", O_RDONLY | O_CLOEXEC) : -1;
  if (join_cgroup(CGROUP_CONTAINER) != 0) _exit(126);
  if (setns(container, CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP) != 0) _exit(126);
  if (!shell && (spec = merged(spec, command->over)) == NULL) _exit(126);
  bool root = shell || command->files;
  uid_t uid = root ? 0 : spec->uid;
  gid_t gid = root ? 0 : spec->gid;
  const char *directory = spec->directory == NULL || command->files ? "/" : spec->directory;
  /* A shell also opens where the directory has gone; a command that was told a directory must not run elsewhere. */
  if (chdir(directory) != 0 && (!shell || chdir("/") != 0)) complain(directory);
  char **environment = complete_environment(spec, uid, shell ? shell_environment : NULL);
  if (environment == NULL) _exit(126);
  if (drop_privileges(spec, uid, gid, root ? NULL : spec->groups, root ? 0 : spec->group_count) != 0) _exit(126);
  environ = environment;
  if (command->arguments == NULL) run_shell();
  if (command->files) run_files(self, command, spec);
  else execvp(command->arguments[0], command->arguments);
  complain(command->arguments[0]);
  abort();
}

void exec_signal(const struct stream *stream, int number) {
  if (stream->pid <= 0 || number < 1 || number > 64) return;
  /* Its group, which is its own from setsid() on. */
  if (kill(-stream->pid, number) != 0) kill(stream->pid, number);
}

struct pipes {
  int in[2], out[2], err[2];
};

static void close_all(struct pipes *pipes) {
  for (int *fd = pipes->in; fd < pipes->in + 6; fd++)
    if (*fd >= 0) close(*fd);
}

static bool open_pipes(struct pipes *pipes) {
  memset(pipes, -1, sizeof *pipes);
  if (pipe2(pipes->in, O_CLOEXEC) != 0 || pipe2(pipes->out, O_CLOEXEC) != 0 || pipe2(pipes->err, O_CLOEXEC) != 0)
    return false;
  fcntl(pipes->in[1], F_SETFL, O_NONBLOCK);
  fcntl(pipes->out[0], F_SETFL, O_NONBLOCK);
  fcntl(pipes->err[0], F_SETFL, O_NONBLOCK);
  return true;
}

static void run_with_pipes(const struct command *command, struct pipes *pipes, int container) {
  fresh_process();
  if (dup2(pipes->in[0], 0) < 0 || dup2(pipes->out[1], 1) < 0 || dup2(pipes->err[1], 2) < 0) _exit(126);
  exec_run(command, container);
}

/* The descriptor is the stream's from here on. */
static struct stream *give(uint32_t id, int kind, int *fd, uint32_t credit) {
  struct stream *stream = stream_new(id, kind, *fd, credit);
  if (stream != NULL) *fd = -1;
  return stream;
}

static const char *pipes_start(uint32_t id, uint32_t credit, const uint32_t outputs[2], const struct command *command) {
  int container = (int)syscall(SYS_pidfd_open, container_pid(), 0);
  struct pipes pipes;
  bool ready = open_pipes(&pipes) && container >= 0;
  /* So that its user may open /dev/stdout again. */
  uid_t uid = command->over->user_given ? command->over->uid : container_spec()->uid;
  if (ready) (void)!(fchown(pipes.out[1], uid, (gid_t)-1) | fchown(pipes.err[1], uid, (gid_t)-1));
  pid_t pid = ready ? fork_into(container) : -1;
  if (pid == 0) run_with_pipes(command, &pipes, container);
  if (container >= 0) close(container);
  struct stream *streams[3] = {NULL, NULL, NULL};
  if (pid > 0) {
    streams[0] = give(id, STREAM_EXEC, &pipes.in[1], credit);
    streams[1] = give(outputs[0], STREAM_EXEC_OUTPUT, &pipes.out[0], credit);
    streams[2] = give(outputs[1], STREAM_EXEC_OUTPUT, &pipes.err[0], credit);
  }
  close_all(&pipes);
  if (streams[0] == NULL || streams[1] == NULL || streams[2] == NULL) {
    for (int i = 0; i < 3; i++)
      if (streams[i] != NULL) stream_drop(streams[i]);
    if (pid > 0) kill(pid, SIGKILL);
    return "the process could not be started";
  }
  streams[0]->pid = pid;
  streams[0]->fd_ended = true; /* there is nothing to read from its input */
  stream_opened(streams[0]);
  for (int i = 1; i < 3; i++) {
    streams[i]->opened = true;
    stream_update(streams[i]);
  }
  return NULL;
}

static bool usable(uint32_t id) { return id % 2 == 1 && stream_find(id) == NULL; }

/* flags u8, columns u16, rows u16, ids of the output streams 2 × u32; the command is in the body before it */
void exec_open(uint32_t id, uint32_t credit, const uint8_t *payload, size_t length) {
  size_t body_length;
  const uint8_t *body = control_body(&body_length);
  const char *reason = "malformed command";
  struct spec *wanted = length == 13 ? spec_read(body, body_length, &reason) : NULL;
  bool files = wanted != NULL && payload[0] & EXEC_FILES;
  if (wanted == NULL || wanted->argument_count == 0 || (files && wanted->argument_count != 2)) {
    refuse(id, REFUSED_BAD_REQUEST, reason);
    spec_free(wanted);
    return;
  }
  uint8_t flags = payload[0];
  struct command command = {.arguments = wanted->arguments, .over = wanted, .files = files};
  const char *failed;
  if (container_pid() == 0) {
    refuse(id, REFUSED_NO_CONTAINER, "no container is running");
    failed = NULL;
  } else if (flags & EXEC_TERMINAL) {
    failed = terminal_start(id, credit, get16(payload + 1), get16(payload + 3), &command);
  } else {
    uint32_t outputs[2] = {get32(payload + 5), get32(payload + 9)};
    bool distinct = outputs[0] != outputs[1] && outputs[0] != id && outputs[1] != id;
    failed = distinct && usable(outputs[0]) && usable(outputs[1]) ? pipes_start(id, credit, outputs, &command)
                                                                  : "streams that are in use";
  }
  if (failed != NULL) refuse(id, REFUSED_FAILED, failed);
  spec_free(wanted);
}
