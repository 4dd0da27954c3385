/*
 * jailer: starts one program (QEMU) so that it sees nothing of the host but what its arguments name.
 *
 *   jailer --root TREE --uid UID --gid GID [--bind SOURCE:TARGET[:rw]]... [--device NAME]...
 *          [--listen FD:PATH]... [--pid-file PATH] [--ready-fd FD] [--keep-net] [--limit NAME=VALUE]...
 *          [--tap FD:NAME[:NAMESPACE]] [--control-group FOLDER]...
 *          -- PROGRAM ARGUMENTS...
 *
 * TREE becomes the root directory, read-only, no set-uid, no devices; /dev is a fresh tmpfs with null, zero,
 * urandom and the devices asked for (a path below /dev, such as kvm or net/tun). Targets of binds must exist
 * in TREE. The program runs as UID:GID without groups, capabilities or the means to regain any, in network
 * (unless --keep-net), IPC, UTS and mount namespaces of its own. The process id does not change.
 *
 * --listen makes a listening UNIX socket at PATH of the host (mode 0600, owned by the caller) and leaves it
 * open as descriptor FD: whoever waits for the socket may connect as soon as a byte arrives on --ready-fd,
 * even before the program has started up, and the program needs no write access to the socket's directory.
 * --tap leaves the TAP interface NAME open as descriptor FD. With NAMESPACE (the path of a network namespace) it is
 * one that was made there before; the program can send through it, but sees nothing else of that namespace. Without,
 * it is made in the program's own, where it leads nowhere.
 * --control-group puts it into the control group of that folder before anything else is done.
 * --pid-file gets "PID STARTTIME" (field 22 of /proc/PID/stat) before the program starts, so that no program
 * ever runs unrecorded.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_ITEMS 16
#define FIRST_FREE_FD 64 /* descriptors below may be named by --listen and --ready-fd */

struct limit {
  const char *name;
  int resource;
};

static const struct limit LIMITS[] = {
    {"nofile", RLIMIT_NOFILE}, {"core", RLIMIT_CORE}, {"fsize", RLIMIT_FSIZE},
    {"as", RLIMIT_AS},         {"nproc", RLIMIT_NPROC},
};

struct options {
  const char *root;
  const char *pid_file;
  char *binds[MAX_ITEMS];
  char *devices[MAX_ITEMS];
  char *listens[MAX_ITEMS];
  char *limits[MAX_ITEMS];
  char *groups[MAX_ITEMS];
  char *tap;
  long uid, gid;
  int ready_fd;
  int keep_net;
  char **program;
};

__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *format, ...) {
  int error = errno;
  va_list arguments;
  va_start(arguments, format);
  fputs("jailer: ", stderr);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fprintf(stderr, "%s%s\n", error ? ": " : "", error ? strerror(error) : "");
  _exit(125);
}

__attribute__((noreturn)) static void fail_usage(const char *what) {
  errno = 0;
  fail("bad or missing argument %s", what);
}

static long parse_number(const char *text, const char *what, long lowest) {
  char *end;
  errno = 0;
  long number = strtol(text, &end, 10);
  if (errno || end == text || *end || number < lowest || number > 0x7fffffff) fail_usage(what);
  return number;
}

static void append(char **items, char *item, const char *what) {
  for (int i = 0; i < MAX_ITEMS - 1; i++) {
    if (items[i]) continue;
    items[i] = item;
    return;
  }
  fail_usage(what);
}

static struct options parse(int argc, char **argv) {
  struct options o = {.uid = -1, .gid = -1, .ready_fd = -1};
  int i = 1;
  for (; i < argc && strcmp(argv[i], "--"); i++) {
    char *name = argv[i];
    if (!strcmp(name, "--keep-net")) {
      o.keep_net = 1;
      continue;
    }
    if (++i >= argc) fail_usage(name);
    char *value = argv[i];
    if (!strcmp(name, "--root")) o.root = value;
    else if (!strcmp(name, "--uid")) o.uid = parse_number(value, name, 1);
    else if (!strcmp(name, "--gid")) o.gid = parse_number(value, name, 1);
    else if (!strcmp(name, "--bind")) append(o.binds, value, name);
    else if (!strcmp(name, "--device")) append(o.devices, value, name);
    else if (!strcmp(name, "--listen")) append(o.listens, value, name);
    else if (!strcmp(name, "--limit")) append(o.limits, value, name);
    else if (!strcmp(name, "--control-group")) append(o.groups, value, name);
    else if (!strcmp(name, "--tap")) o.tap = value;
    else if (!strcmp(name, "--pid-file")) o.pid_file = value;
    else if (!strcmp(name, "--ready-fd")) o.ready_fd = (int)parse_number(value, name, 3);
    else fail_usage(name);
  }
  if (!o.root) fail_usage("--root");
  if (o.tap && o.keep_net) fail_usage("--tap (with --keep-net)");
  if (o.uid < 1) fail_usage("--uid");
  if (o.gid < 1) fail_usage("--gid");
  if (i + 1 >= argc) fail_usage("-- PROGRAM");
  o.program = argv + i + 1;
  return o;
}

/* Splits "left:right" in place. */
static char *split(char *text, char separator, const char *what) {
  char *right = strchr(text, separator);
  if (!right) fail_usage(what);
  *right = 0;
  return right + 1;
}

static void listen_on(char *listen_option) {
  char *path = split(listen_option, ':', "--listen");
  int wanted = (int)parse_number(listen_option, "--listen", 3);
  if (wanted >= FIRST_FREE_FD) fail_usage("--listen");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) fail_usage("--listen (path longer than 107 bytes)");
  strcpy(address.sun_path, path);
  if (unlink(path) && errno != ENOENT) fail("unlink %s", path);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0) fail("socket");
  mode_t mask = umask(0177);
  if (bind(fd, (struct sockaddr *)&address, sizeof address)) fail("bind %s", path);
  umask(mask);
  if (listen(fd, 4)) fail("listen %s", path);
  if (fd == wanted) return;
  if (dup2(fd, wanted) < 0) fail("dup2 %s", path);
  close(fd);
}

static void open_tap(char *name, int wanted) {
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
  if (strlen(name) >= sizeof request.ifr_name) fail_usage("--tap");
  strcpy(request.ifr_name, name);
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  if (fd < 0) fail("/dev/net/tun");
  if (ioctl(fd, TUNSETIFF, &request)) fail("tap %s", name);
  if (fd == wanted) return;
  if (dup2(fd, wanted) < 0) fail("dup2 %s", name);
  close(fd);
}

/* Called twice: in the namespace that the jailer was started in, and in the program's own. */
static void take_tap(char *tap, int own_namespace) {
  static int wanted;
  static char *name, *namespace;
  if (!name) {
    name = split(tap, ':', "--tap");
    wanted = (int)parse_number(tap, "--tap", 3);
    if (wanted >= FIRST_FREE_FD) fail_usage("--tap");
    if ((namespace = strchr(name, ':'))) *namespace++ = 0;
  }
  if (own_namespace) {
    if (!namespace) open_tap(name, wanted);
    return;
  }
  if (!namespace) return;
  int fd = open(namespace, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || setns(fd, CLONE_NEWNET)) fail("network namespace %s", namespace);
  close(fd);
  open_tap(name, wanted); /* enter_root() leaves that namespace for a new one */
}

/* Field 22; the program's name in field 2 may hold anything, so count from its last parenthesis. */
static unsigned long long start_time(void) {
  char text[1024];
  int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (length <= 0) fail("/proc/self/stat");
  close(fd);
  text[length] = 0;
  char *at = strrchr(text, ')');
  for (int field = 2; at && field < 22; field++) at = strchr(at + 1, ' ');
  if (!at) fail_usage("/proc/self/stat");
  return strtoull(at, NULL, 10);
}

static void write_pid_file(const char *path) {
  char text[64];
  int length = snprintf(text, sizeof text, "%d %llu\n", getpid(), start_time());
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0 || write(fd, text, (size_t)length) != length || close(fd)) fail("%s", path);
}

static void join_group(const char *folder) {
  char path[512];
  if ((size_t)snprintf(path, sizeof path, "%s/cgroup.procs", folder) >= sizeof path) fail_usage("--control-group");
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, "0", 1) != 1 || close(fd)) fail("control group %s", folder);
}

static void make_device(const char *name) {
  char host[128], *slash;
  struct stat info;
  if (strstr(name, "..") || (size_t)snprintf(host, sizeof host, "/dev/%s", name) >= sizeof host) fail_usage("--device");
  if (stat(host, &info) || !S_ISCHR(info.st_mode)) fail("device %s", host);
  const char *target = host + 1; /* relative to the new root, which is the working directory */
  char *below = host + strlen("/dev/");
  if ((slash = strchr(below, '/'))) {
    *slash = 0;
    if (mkdir(target, 0755) && errno != EEXIST) fail("mkdir %s", target);
    *slash = '/';
  }
  if (mknod(target, S_IFCHR | 0666, info.st_rdev) || chmod(target, 0666)) fail("mknod %s", target);
}

static void make_bind(char *bind) {
  char *target = split(bind, ':', "--bind");
  char *mode = strchr(target, ':');
  int writable = mode && !strcmp(mode, ":rw");
  if (mode && !writable) fail_usage("--bind");
  if (mode) *mode = 0;
  if (*target != '/' || strstr(target, "..")) fail_usage("--bind");
  target++;
  unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  if (mount(bind, target, NULL, MS_BIND, NULL)) fail("mount %s on %s", bind, target);
  if (mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | flags | (writable ? 0 : MS_RDONLY), NULL))
    fail("remount %s", target);
}

static void enter_root(struct options *o) {
  int namespaces = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | (o->keep_net ? 0 : CLONE_NEWNET);
  if (unshare(namespaces)) fail("unshare");
  if (o->tap) take_tap(o->tap, 1);
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) fail("make mounts private");
  if (mount(o->root, o->root, NULL, MS_BIND, NULL)) fail("mount %s", o->root);
  if (chdir(o->root)) fail("chdir %s", o->root);
  if (mount("dev", "dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "size=64k,mode=0755")) fail("mount /dev");
  make_device("null");
  make_device("zero");
  make_device("urandom");
  for (char **device = o->devices; *device; device++) make_device(*device);
  if (mount(NULL, "dev", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC, NULL)) fail("remount /dev");
  for (char **bind = o->binds; *bind; bind++) make_bind(*bind);
  if (mount(NULL, ".", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL)) fail("remount /");
  /* Old and new root share one mount point; the old one is then on top and goes away with everything below. */
  if (syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/")) fail("pivot_root");
  if (sethostname("squib", 5)) fail("sethostname");
}

static void set_limits(char **limits) {
  for (; *limits; limits++) {
    char *value = split(*limits, '=', "--limit");
    rlim_t number = (rlim_t)strtoull(value, NULL, 10);
    struct rlimit limit = {number, number};
    size_t i = 0;
    while (i < sizeof LIMITS / sizeof *LIMITS && strcmp(LIMITS[i].name, *limits)) i++;
    if (i == sizeof LIMITS / sizeof *LIMITS) fail_usage("--limit");
    if (setrlimit(LIMITS[i].resource, &limit)) fail("limit %s", *limits);
  }
}

static void drop_privileges(uid_t uid, gid_t gid) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};
  for (int capability = 0; capability < 64; capability++)
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) && errno != EINVAL) fail("drop capability %d", capability);
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)) fail("clear ambient capabilities");
  if (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid)) fail("become %u:%u", uid, gid);
  if (syscall(SYS_capset, &header, none)) fail("capset");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) fail("no_new_privs");
  if (setresuid(0, 0, 0) == 0) fail_usage("(still able to become root)");
}

int main(int argc, char **argv) {
  struct options o = parse(argc, argv);
  char *const environment[] = {"PATH=/usr/bin:/usr/sbin", "LC_ALL=C.UTF-8", NULL};
  umask(077);
  for (char **group = o.groups; *group; group++) join_group(*group);
  for (char **listen_option = o.listens; *listen_option; listen_option++) listen_on(*listen_option);
  if (o.pid_file) write_pid_file(o.pid_file);
  if (o.tap) take_tap(o.tap, 0);
  enter_root(&o);
  set_limits(o.limits);
  drop_privileges((uid_t)o.uid, (gid_t)o.gid);
  if (o.ready_fd >= 0 && (write(o.ready_fd, "r", 1) != 1 || close(o.ready_fd))) fail("ready descriptor");
  /* Whatever else the caller left open must not be inherited. */
  if (syscall(SYS_close_range, FIRST_FREE_FD, ~0U, 0)) fail("close_range");
  execve(o.program[0], o.program, environment);
  fail("exec %s", o.program[0]);
}
