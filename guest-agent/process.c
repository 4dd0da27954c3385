#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent.h"

/* spec: image-build section 4, `CapEff` of a container without additional capabilities */
#define DEFAULT_CAPABILITIES 0x00000000a80425fbULL
#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

bool write_file(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t length = (ssize_t)strlen(text);
  bool done = write(fd, text, (size_t)length) == length;
  close(fd);
  return done;
}

void fresh_process(void) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
  setsid();
  umask(022);
  /* All descriptors of the agent are close-on-exec already; this one must hold whatever is added later. */
  syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
}

int join_cgroup(const char *path) {
  char file[128];
  snprintf(file, sizeof file, "%s/cgroup.procs", path);
  return write_file(file, "0") ? 0 : -1;
}

int drop_privileges(const struct spec *spec, uid_t uid, gid_t gid, const gid_t *groups, size_t group_count) {
  struct rlimit files = {1024, 1024}; /* spec: image-build section 4 */
  if (setrlimit(RLIMIT_NOFILE, &files) != 0) return -1;
  if (!spec->all_capabilities) {
    for (int capability = 0; capability < 64; capability++) {
      if (DEFAULT_CAPABILITIES >> capability & 1) continue;
      if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno != EINVAL) return -1;
    }
  }
  if (setgroups(group_count, groups) != 0) return -1;
  if (setresgid(gid, gid, gid) != 0) return -1;
  /* Leaving uid 0 clears the effective and permitted sets; staying, execve() limits them to the bounding set. */
  return setresuid(uid, uid, uid);
}

static bool has(char *const *environment, const char *entry) {
  size_t name = (size_t)(strchr(entry, '=') - entry) + 1;
  for (; *environment != NULL; environment++)
    if (strncmp(*environment, entry, name) == 0) return true;
  return false;
}

/* "HOME=<home of uid>" by the container's own /etc/passwd, which may hold anything. */
static char *home_of(uid_t uid) {
  static char line[1024], home[600];
  snprintf(home, sizeof home, "HOME=%s", uid == 0 ? "/root" : "/");
  int fd = open("/etc/passwd", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  struct stat status;
  if (fd < 0) return home;
  FILE *file = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size < 1 << 20 ? fdopen(fd, "r") : NULL;
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    unsigned long found;
    char directory[512];
    if (sscanf(line, "%*[^:]:%*[^:]:%lu:%*[^:]:%*[^:]:%511[^:\n]", &found, directory) != 2 &&
        sscanf(line, "%*[^:]:%*[^:]:%lu:%*[^:]::%511[^:\n]", &found, directory) != 2)
      continue;
    if (found != uid || directory[0] != '/') continue;
    snprintf(home, sizeof home, "HOME=%s", directory);
    break;
  }
  if (file != NULL) fclose(file);
  else close(fd);
  return home;
}

char **complete_environment(const struct spec *spec, uid_t uid, const char *const *extra) {
  size_t more = 0;
  while (extra != NULL && extra[more] != NULL) more++;
  char **environment = calloc(spec->environment_count + more + 3, sizeof(char *));
  if (environment == NULL) return NULL;
  size_t count = spec->environment_count;
  memcpy(environment, spec->environment, count * sizeof(char *));
  for (size_t i = 0; i < more; i++)
    if (!has(environment, extra[i])) environment[count++] = (char *)extra[i];
  if (!has(environment, DEFAULT_PATH)) environment[count++] = DEFAULT_PATH;
  if (!has(environment, "HOME=")) environment[count++] = home_of(uid);
  return environment;
}
