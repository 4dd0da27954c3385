/* The container: its namespaces are made by clone(); here are its cgroup, its root and what is mounted there. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent.h"

#define STAGE "/stage"
#define SAFE (MS_NOSUID | MS_NODEV | MS_NOEXEC)

/* A /dev on tmpfs. Devices are bind mounts: the tmpfs itself allows none, so CAP_MKNOD makes no way to the disk. */
static const char *stage_dev(const struct spec *spec) {
  static const char *const devices[] = {"null", "zero", "full", "random", "urandom", "tty"};
  unsigned long devices_allowed = spec->all_capabilities ? 0 : MS_NODEV;
  if (mount("tmpfs", STAGE, "tmpfs", MS_NOSUID | devices_allowed, "mode=755,size=64k") != 0) return "mount /dev";
  for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
    char from[32], to[32];
    snprintf(from, sizeof from, "/dev/%s", devices[i]);
    snprintf(to, sizeof to, STAGE "/%s", devices[i]);
    int fd = open(to, O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
    if (fd >= 0) close(fd);
    if (mount(from, to, NULL, MS_BIND, NULL) != 0) return "bind a device";
  }
  if (spec->all_capabilities && mknod(STAGE "/fuse", S_IFCHR | 0666, makedev(10, 229)) == 0)
    chmod(STAGE "/fuse", 0666);
  if (spec->all_capabilities && mkdir(STAGE "/net", 0755) == 0 &&
      mknod(STAGE "/net/tun", S_IFCHR | 0666, makedev(10, 200)) == 0)
    chmod(STAGE "/net/tun", 0666);
  mkdir(STAGE "/pts", 0755);
  mkdir(STAGE "/shm", 01777);
  mkdir(STAGE "/mqueue", 0755);
  if (mount("/pts", STAGE "/pts", NULL, MS_BIND, NULL) != 0) return "bind /dev/pts";
  if (mount("shm", STAGE "/shm", "tmpfs", SAFE, "mode=1777,size=64m") != 0) return "mount /dev/shm";
  if (mount("mqueue", STAGE "/mqueue", "mqueue", SAFE, NULL) != 0) say("mount /dev/mqueue: %m");
  if (symlink("pts/ptmx", STAGE "/ptmx") != 0 || symlink("/proc/self/fd", STAGE "/fd") != 0 ||
      symlink("/proc/self/fd/0", STAGE "/stdin") != 0 || symlink("/proc/self/fd/1", STAGE "/stdout") != 0 ||
      symlink("/proc/self/fd/2", STAGE "/stderr") != 0)
    return "make /dev";
  return NULL;
}

static const char *enter_root(const struct spec *spec) {
  int old = open("/", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
  if (old < 0 || chdir(ROOT_DISK) != 0) return "enter the root disk";
  if (syscall(SYS_pivot_root, ".", ".") != 0) return "pivot_root";
  if (fchdir(old) != 0 || umount2(".", MNT_DETACH) != 0 || chdir("/") != 0) return "leave the agent's root";
  close(old);
  if (!spec->all_capabilities && mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_NOATIME | MS_NODEV, NULL) != 0)
    return "restrict the root";
  return NULL;
}

/* Files through which root of a container could reach beyond it; the usual list of container runtimes. */
static void mask_proc(void) {
  static const char *const read_only[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
  static const char *const hidden_files[] = {"/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug"};
  static const char *const hidden_directories[] = {"/proc/acpi", "/proc/scsi", "/sys/firmware"};
  for (size_t i = 0; i < sizeof read_only / sizeof *read_only; i++)
    if (mount(read_only[i], read_only[i], NULL, MS_BIND | MS_REC, NULL) == 0)
      mount(NULL, read_only[i], NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | SAFE, NULL);
  for (size_t i = 0; i < sizeof hidden_files / sizeof *hidden_files; i++)
    mount("/dev/null", hidden_files[i], NULL, MS_BIND, NULL);
  for (size_t i = 0; i < sizeof hidden_directories / sizeof *hidden_directories; i++)
    mount("tmpfs", hidden_directories[i], "tmpfs", SAFE | MS_RDONLY, "size=0");
}

static const char *mount_system(const struct spec *spec, int dev) {
  mkdir("/proc", 0555);
  mkdir("/sys", 0555);
  mkdir("/dev", 0755);
  if (mount("proc", "/proc", "proc", SAFE, NULL) != 0) return "mount /proc";
  if (mount("sysfs", "/sys", "sysfs", SAFE | MS_RDONLY, NULL) != 0) return "mount /sys";
  if (move_mount(dev, "", AT_FDCWD, "/dev", MOVE_MOUNT_F_EMPTY_PATH) != 0) return "move /dev";
  close(dev);
  if (!spec->all_capabilities)
    mask_proc();
  else if (mount("cgroup2", "/sys/fs/cgroup", "cgroup2", SAFE, NULL) != 0)
    return "mount /sys/fs/cgroup";
  return NULL;
}

/* Replaces the file: what is there may be a link or a pipe, and nothing is done through it. */
static void replace_file(const char *path, const char *text) {
  unlink(path);
  int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0) return; /* an image without /etc does without it */
  (void)!write(fd, text, strlen(text));
  close(fd);
}

static void write_names(const char *hostname) {
  char text[512];
  mkdir("/etc", 0755);
  replace_file("/etc/resolv.conf", "nameserver 127.0.0.2\nnameserver 169.254.53.53\n");
  if (hostname == NULL || hostname[0] == 0 || sethostname(hostname, strlen(hostname)) != 0) hostname = "localhost";
  snprintf(text, sizeof text, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
  if (strcmp(hostname, "localhost") != 0)
    snprintf(text + strlen(text), sizeof text - strlen(text), "127.0.0.1\t%s\n", hostname);
  replace_file("/etc/hosts", text);
  snprintf(text, sizeof text, "%s\n", hostname);
  replace_file("/etc/hostname", text);
}

static void make_directories(const char *path) {
  char part[4096];
  size_t length = strlen(path);
  if (length >= sizeof part) return;
  for (size_t i = 1; i <= length; i++) {
    if (path[i] != '/' && path[i] != 0) continue;
    memcpy(part, path, i);
    part[i] = 0;
    mkdir(part, 0755);
  }
}

const char *become_container(const struct spec *spec) {
  fresh_process();
  /* The namespace's root is the group that is frozen; the process itself sits where AWS's do (spec: image-build 4). */
  if (join_cgroup(CGROUP) != 0) return "join the cgroup";
  /* Container engines inside limit what they start. */
  if (spec->all_capabilities) write_file("/sys/fs/cgroup/cgroup.subtree_control", "+cpu +cpuset +memory +pids +io");
  if (unshare(CLONE_NEWCGROUP) != 0) return "make a cgroup namespace";
  if (join_cgroup(CGROUP_CONTAINER) != 0) return "join the container's cgroup";
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return "make the mounts private";
  const char *failed = stage_dev(spec);
  if (failed != NULL) return failed;
  int dev = open_tree(AT_FDCWD, STAGE, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
  if (dev < 0) return "take /dev along";
  if ((failed = enter_root(spec)) != NULL) return failed;
  if ((failed = mount_system(spec, dev)) != NULL) return failed;
  write_names(spec->hostname);
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0 || dup2(null, 0) < 0) return "open /dev/null";
  const char *directory = spec->directory != NULL && spec->directory[0] == '/' ? spec->directory : "/";
  if (chdir(directory) != 0) {
    make_directories(directory);
    if (chdir(directory) != 0) return "enter the working directory";
  }
  char **environment = complete_environment(spec, spec->uid, NULL);
  if (environment == NULL) return "make the environment";
  if (drop_privileges(spec, spec->uid, spec->gid, spec->groups, spec->group_count) != 0) return "drop privileges";
  environ = environment; /* execvp() searches the container's PATH */
  execvp(spec->arguments[0], spec->arguments);
  return "run the command";
}
