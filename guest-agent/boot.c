/* What process 1 of a virtual machine does before anything can run, and at the very end. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/reboot.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent.h"

#define SAFE (MS_NOSUID | MS_NODEV | MS_NOEXEC)
/* Devices are there at once, but on a busy host without KVM that may take very long. */
#define DEVICE_MILLISECONDS 60000

static void must_mount(const char *kind, const char *to, unsigned long flags, const char *options) {
  mkdir(to, 0755);
  if (mount(kind, to, kind, flags, options) == 0) return;
  say("mount %s on %s: %m", kind, to);
  _exit(1);
}

/* initramfs cannot be left with pivot_root(), so the agent moves to a tmpfs, which can. */
static void leave_initramfs(void) {
  must_mount("tmpfs", "/new", 0, "mode=755,size=1m");
  if (chdir("/new") != 0 || mount(".", "/", NULL, MS_MOVE, NULL) != 0 || chroot(".") != 0 || chdir("/") != 0) {
    say("leave the initramfs: %m");
    _exit(1);
  }
}

void boot_mounts(void) {
  leave_initramfs();
  must_mount("devtmpfs", "/dev", MS_NOSUID, "mode=755");
  must_mount("proc", "/proc", SAFE, NULL);
  must_mount("sysfs", "/sys", SAFE, NULL);
  must_mount("cgroup2", "/sys/fs/cgroup", SAFE, NULL);
  must_mount("devpts", "/pts", MS_NOSUID | MS_NOEXEC, "mode=0620,ptmxmode=0666,gid=5");
  mkdir("/stage", 0755);
  mkdir(ROOT_DISK, 0755);
  mkdir(CGROUP, 0755);
  mkdir(CGROUP "/system.slice", 0755);
  mkdir(CGROUP_CONTAINER, 0755);
  write_file("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
  write_file("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
  int console = open("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);
  for (int fd = 0; fd < 3 && console >= 0; fd++) dup2(console, fd);
  if (console > 2) close(console);
}

static int is_module(const struct dirent *entry) {
  const char *end = strrchr(entry->d_name, '.');
  return end != NULL && strcmp(end, ".ko") == 0;
}

/* /modules/NN-name.ko of the initramfs, in the order of their names. */
void boot_modules(void) {
  struct dirent **names;
  int count = scandir("/modules", &names, is_module, alphasort);
  for (int i = 0; i < count; i++) {
    char path[300];
    snprintf(path, sizeof path, "/modules/%s", names[i]->d_name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) != 0 && errno != EEXIST)) say("load %s: %m", path);
    if (fd >= 0) close(fd);
    unlink(path); /* the initramfs is memory */
  }
}

void boot_loopback(void) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) != 0) say("bring lo up: %m");
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  memcpy(&request.ifr_addr, &address, sizeof address);
  if (fd < 0 || ioctl(fd, SIOCSIFADDR, &request) != 0) say("address lo: %m");
  if (fd >= 0) close(fd);
}

static bool wait_for(bool (*there)(void)) {
  for (int waited = 0; waited < DEVICE_MILLISECONDS; waited += 2) {
    if (there()) return true;
    usleep(2000);
  }
  return there();
}

static bool disk_there(void) { return access("/dev/vda", F_OK) == 0; }

/* Without a disk the agent still answers; only the container cannot be started. */
void boot_root_disk(void) {
  if (!wait_for(disk_there) || mount("/dev/vda", ROOT_DISK, "ext4", MS_NOATIME, NULL) != 0)
    say("mount the root disk: %m");
}

static char port_path[300];

static bool port_there(void) {
  DIR *ports = opendir("/sys/class/virtio-ports");
  if (ports == NULL) return false;
  struct dirent *entry;
  while (port_path[0] == 0 && (entry = readdir(ports)) != NULL) {
    char path[320], name[64] = {0};
    snprintf(path, sizeof path, "/sys/class/virtio-ports/%.200s/name", entry->d_name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    if (read(fd, name, sizeof name - 1) > 0 && strncmp(name, "squib.channel\n", 14) == 0)
      snprintf(port_path, sizeof port_path, "/dev/%.200s", entry->d_name);
    close(fd);
  }
  closedir(ports);
  return port_path[0] != 0 && access(port_path, F_OK) == 0;
}

int boot_channel(void) {
  int fd = wait_for(port_there) ? open(port_path, O_RDWR | O_NONBLOCK | O_CLOEXEC) : -1;
  if (fd < 0) {
    say("open the channel: %m");
    _exit(1);
  }
  return fd;
}

void power_off(void) {
  write_file(CGROUP "/cgroup.kill", "1");
  sync();
  umount2(ROOT_DISK, MNT_DETACH);
  sync();
  reboot(LINUX_REBOOT_CMD_POWER_OFF);
}
