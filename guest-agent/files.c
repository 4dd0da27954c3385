/*
 * Copies files of the container to standard output (read PATH UID GID), or from standard input into it, where they
 * belong to that user (write PATH UID GID).
 * What travels is a list of entries, each a header, a path, the target of a link, and the bytes of a file:
 *   kind u8 ('f', 'd', 'l', 'h' for a hard link) | 0 | mode u16 | uid u32 | gid u32 | size u64 | seconds since 1970 u64 | lengths of path and target 2 × u16
 * It runs as a program of its own (exec.c) with the rights of the container's root: the host may ask for any path.
 * Exit codes: 0, 1 with a line on standard error, 2 likewise when PATH is not there.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"

#define ENTRY_HEADER 32
#define PATH_LIMIT 4096

static uint8_t bytes[65536];

static void give_up(int code, const char *path, const char *why) {
  fprintf(stderr, "%s: %s\n", path, why);
  exit(code);
}

static void put64(uint8_t *p, uint64_t v) {
  put32(p, (uint32_t)v);
  put32(p + 4, (uint32_t)(v >> 32));
}

static void write_all(const void *data, size_t length) {
  for (size_t done = 0; done < length;) {
    ssize_t count = write(1, (const uint8_t *)data + done, length - done);
    if (count < 0 && errno != EINTR) exit(1); /* nobody listens any more */
    if (count > 0) done += (size_t)count;
  }
}

static void write_header(char kind, const struct stat *status, uint64_t size, const char *path, const char *target) {
  uint8_t header[ENTRY_HEADER] = {(uint8_t)kind};
  size_t path_length = strlen(path), target_length = strlen(target);
  put16(header + 2, status->st_mode & 07777);
  put32(header + 4, status->st_uid);
  put32(header + 8, status->st_gid);
  put64(header + 12, size);
  put64(header + 20, status->st_mtime < 0 ? 0 : (uint64_t)status->st_mtime);
  put16(header + 28, (uint16_t)path_length);
  put16(header + 30, (uint16_t)target_length);
  write_all(header, sizeof header);
  write_all(path, path_length);
  write_all(target, target_length);
}

/* As many bytes as the header said, whatever happens to the file meanwhile. */
static void write_content(int fd, uint64_t size) {
  for (uint64_t left = size; left > 0;) {
    size_t most = left < sizeof bytes ? (size_t)left : sizeof bytes;
    ssize_t count = read(fd, bytes, most);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) memset(bytes, 0, (size_t)(count = (ssize_t)most));
    write_all(bytes, (size_t)count);
    left -= (uint64_t)count;
  }
}

static void read_entry(int parent, const char *name, const char *path, dev_t device, bool follow);

static void read_directory(int fd, const char *path, dev_t device) {
  DIR *directory = fdopendir(fd);
  if (directory == NULL) give_up(1, path, strerror(errno));
  struct dirent *entry;
  while ((entry = readdir(directory)) != NULL) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    char below[PATH_LIMIT];
    if (snprintf(below, sizeof below, "%s/%s", path, entry->d_name) >= (int)sizeof below)
      give_up(1, path, "the path is too long");
    read_entry(dirfd(directory), entry->d_name, below, device, false);
  }
  closedir(directory);
}

/* Other file systems (/proc, say) are left out, and so is what is neither file nor folder nor link. */
static void read_entry(int parent, const char *name, const char *path, dev_t device, bool follow) {
  struct stat status;
  if (fstatat(parent, name, &status, follow ? 0 : AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT && !follow) return; /* gone since its folder was read */
    give_up(errno == ENOENT || errno == ENOTDIR ? 2 : 1, follow ? name : path, strerror(errno));
  }
  if (!follow && status.st_dev != device) return;
  if (S_ISLNK(status.st_mode)) {
    char target[PATH_LIMIT];
    ssize_t length = readlinkat(parent, name, target, sizeof target - 1);
    if (length < 0) return;
    target[length] = 0;
    write_header('l', &status, 0, path, target);
    return;
  }
  if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
    if (follow) give_up(1, name, "this is neither a file nor a folder");
    return;
  }
  int fd = openat(parent, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW));
  if (fd < 0 || fstat(fd, &status) != 0) give_up(1, path, strerror(errno));
  if (S_ISDIR(status.st_mode)) {
    write_header('d', &status, 0, path, "");
    read_directory(fd, path, status.st_dev); /* closes it */
    return;
  }
  if (S_ISREG(status.st_mode)) {
    write_header('f', &status, (uint64_t)status.st_size, path, "");
    write_content(fd, (uint64_t)status.st_size);
  }
  close(fd);
}

/* The last part of a path; "." for "/" and for what ends in "/.". */
static const char *last_part(char *path) {
  size_t length = strlen(path);
  while (length > 1 && path[length - 1] == '/') path[--length] = 0;
  char *slash = strrchr(path, '/');
  const char *last = slash == NULL ? path : slash + 1;
  return last[0] == 0 || strcmp(last, "..") == 0 ? "." : last;
}

/* False at the end of input, if that may come here. */
static bool read_all(void *to, size_t length, bool may_end) {
  for (size_t done = 0; done < length;) {
    ssize_t count = read(0, (uint8_t *)to + done, length - done);
    if (count < 0 && errno == EINTR) continue;
    if (count == 0 && done == 0 && may_end) return false;
    if (count <= 0) give_up(1, "input", "it ended too early");
    done += (size_t)count;
  }
  return true;
}

static uid_t owner;
static gid_t group;

static void make_parents(char *path) {
  for (char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    if (slash == path) continue;
    *slash = 0;
    if (mkdir(path, 0755) == 0) (void)!lchown(path, owner, group);
    *slash = '/';
  }
}

static void take_content(int fd, uint64_t size, const char *path) {
  for (uint64_t left = size; left > 0;) {
    size_t most = left < sizeof bytes ? (size_t)left : sizeof bytes;
    read_all(bytes, most, false);
    for (size_t done = 0; done < most;) {
      ssize_t count = write(fd, bytes + done, most - done);
      if (count < 0 && errno != EINTR) give_up(1, path, strerror(errno));
      if (count > 0) done += (size_t)count;
    }
    left -= most;
  }
}

/* Whatever is there is replaced, not written through: it may be a link, or a program that runs. */
static void take_file(const char *path, uint16_t mode, uint64_t size, uint64_t modified) {
  int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  int fd = open(path, flags, 0600);
  if (fd < 0 && errno == EEXIST && unlink(path) == 0) fd = open(path, flags, 0600);
  if (fd < 0) give_up(1, path, strerror(errno));
  take_content(fd, size, path);
  struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = (time_t)modified}};
  if (fchown(fd, owner, group) != 0 || fchmod(fd, mode) != 0 || futimens(fd, times) != 0)
    give_up(1, path, strerror(errno));
  if (close(fd) != 0) give_up(1, path, strerror(errno));
}

static void take_link(const char *path, const char *target) {
  int done = symlink(target, path);
  if (done != 0 && errno == EEXIST && unlink(path) == 0) done = symlink(target, path);
  if (done != 0 || lchown(path, owner, group) != 0) give_up(1, path, strerror(errno));
}

static void take_hard_link(const char *path, const char *target) {
  int done = link(target, path);
  if (done != 0 && errno == EEXIST && unlink(path) == 0) done = link(target, path);
  if (done != 0) give_up(1, path, strerror(errno));
}

static void take_directory(const char *path, uint16_t mode) {
  struct stat status;
  if (mkdir(path, 0700) == 0) {
    if (lchown(path, owner, group) != 0 || chmod(path, mode) != 0) give_up(1, path, strerror(errno));
  } else if (errno != EEXIST || stat(path, &status) != 0 || !S_ISDIR(status.st_mode)) {
    give_up(1, path, errno == EEXIST ? strerror(ENOTDIR) : strerror(errno));
  }
}

/* The path of an entry below the working directory; its first part is replaced by `name` unless that is NULL. */
static void place(char *to, const char *given, const char *name) {
  if (given[0] == 0 || given[0] == '/' || strcmp(given, "..") == 0 || strncmp(given, "../", 3) == 0 ||
      strstr(given, "/../") != NULL || (strlen(given) > 2 && strcmp(given + strlen(given) - 3, "/..") == 0))
    give_up(1, given, "this path leads elsewhere");
  const char *rest = name == NULL ? given : given + strcspn(given, "/");
  if (snprintf(to, PATH_LIMIT, "%s%s", name == NULL ? "" : name, rest) >= PATH_LIMIT)
    give_up(1, given, "the path is too long");
}

static void write_entries(const char *name) {
  uint8_t header[ENTRY_HEADER];
  while (read_all(header, sizeof header, true)) {
    static char given[PATH_LIMIT], target[PATH_LIMIT], path[PATH_LIMIT];
    size_t path_length = get16(header + 28), target_length = get16(header + 30);
    if (path_length >= sizeof given || target_length >= sizeof target) give_up(1, "input", "a path is too long");
    read_all(given, path_length, false);
    read_all(target, target_length, false);
    given[path_length] = target[target_length] = 0;
    place(path, given, name);
    make_parents(path);
    uint16_t mode = get16(header + 2) & 07777;
    if (header[0] == 'f') take_file(path, mode, get64(header + 12), get64(header + 20));
    else if (header[0] == 'd') take_directory(path, mode);
    else if (header[0] == 'l') take_link(path, target);
    else if (header[0] == 'h') {
      static char first[PATH_LIMIT];
      place(first, target, name);
      take_hard_link(path, first);
    }
    else give_up(1, given, "unknown kind of entry");
  }
}

/* Into PATH where that is a folder, else to PATH itself, like cp. */
static void write_files(char *path) {
  char whole[PATH_LIMIT];
  if (snprintf(whole, sizeof whole, "%s", path) >= (int)sizeof whole) give_up(1, "path", "the path is too long");
  bool folder = path[0] != 0 && path[strlen(path) - 1] == '/';
  if (chdir(path) == 0) {
    write_entries(NULL);
    return;
  }
  if (folder || (errno != ENOENT && errno != ENOTDIR)) give_up(errno == ENOENT ? 2 : 1, path, strerror(errno));
  const char *name = last_part(path);
  char *slash = strrchr(whole, '/');
  while (slash != NULL && slash > whole && slash[1] == 0) {
    *slash = 0;
    slash = strrchr(whole, '/');
  }
  if (slash != NULL) {
    slash[slash == whole ? 1 : 0] = 0;
    if (chdir(whole) != 0) give_up(2, whole, strerror(errno));
  }
  write_entries(name);
}

int files_main(int count, char **arguments) {
  if (count == 5 && strcmp(arguments[1], "read") == 0) {
    char path[PATH_LIMIT];
    if (snprintf(path, sizeof path, "%s", arguments[2]) >= (int)sizeof path) give_up(1, "path", "it is too long");
    read_entry(AT_FDCWD, arguments[2], last_part(path), 0, true);
    return 0;
  }
  if (count == 5 && strcmp(arguments[1], "write") == 0) {
    owner = (uid_t)strtoul(arguments[3], NULL, 10);
    group = (gid_t)strtoul(arguments[4], NULL, 10);
    umask(0);
    write_files(arguments[2]);
    return 0;
  }
  fprintf(stderr, FILES_PROGRAM ": read or write, PATH UID GID\n");
  return 1;
}
