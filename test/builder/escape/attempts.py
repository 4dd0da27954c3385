"""What a hostile RUN step tries. Prints a line for each attempt: 'refused NAME: why' or 'ESCAPED NAME: what'."""
import ctypes
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys

libc = ctypes.CDLL(None, use_errno=True)
attempts = []


def attempt(function):
    attempts.append(function)
    return function


def call(name, *arguments):
    """A system call of libc; fails as Python's own do."""
    if getattr(libc, name)(*arguments) == -1:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return f"{name} worked"


def syscall(number, *arguments):
    if libc.syscall(number, *arguments) == -1:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return f"system call {number} worked"


def write(path, content):
    """At once, so that what the kernel says is not lost in a buffer."""
    return os.write(os.open(path, os.O_WRONLY), content)


def out_of_chroot():
    """The oldest way out of a changed root: keep a descriptor of what lies above a second one."""
    above = os.open("/", os.O_RDONLY)
    os.makedirs("/tmp/below", exist_ok=True)
    os.chroot("/tmp/below")
    os.fchdir(above)
    for _ in range(100):
        os.chdir("..")
    os.chroot(".")


@attempt
def base_images_of_others():
    """The store of base images lies above the step's root; it holds this build's own and no others."""
    out_of_chroot()
    images = json.load(open("/mnt/base/overlay-images/images.json"))
    names = [name for image in images for name in image["names"]]
    layers = [name for name in os.listdir("/mnt/base/overlay") if len(name) == 64]
    own = ["docker.io/library/python:3.13-slim"]
    wanted = {layer["id"] for layer in json.load(open("/mnt/base/overlay-layers/layers.json"))}
    if names != own or set(layers) != wanted:
        return names, layers
    raise PermissionError(f"only its own: {names}")


@attempt
def files_of_the_host():
    out_of_chroot()
    there = [name for name in ("home", "work", "srv", "boot", "var/lib/squib", "etc/shadow-", "run/squib/builder")
             if os.path.exists("/" + name) and (not os.path.isdir("/" + name) or os.listdir("/" + name))]
    if there:
        return there
    raise FileNotFoundError(f"above the step's root are {sorted(os.listdir('/'))}")


@attempt
def write_to_base_images():
    out_of_chroot()
    layer = next(name for name in os.listdir("/mnt/base/overlay") if len(name) == 64)
    return os.write(os.open(f"/mnt/base/overlay/{layer}/diff/etc/passwd", os.O_WRONLY), b"")


@attempt
def write_to_the_tools_of_builds():
    out_of_chroot()
    return os.write(os.open("/usr/bin/buildah", os.O_WRONLY), b"")


@attempt
def write_to_the_scripts_of_builds():
    out_of_chroot()
    return os.write(os.open("/mnt/scripts/inner.sh", os.O_WRONLY), b"")


def strangers():
    """Processes with another root than this step's: those of the builder itself."""
    own = os.stat("/")
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            root = os.stat(f"/proc/{pid}/root/")
        except FileNotFoundError:
            continue
        except OSError:
            yield pid
            continue
        if (root.st_dev, root.st_ino) != (own.st_dev, own.st_ino):
            yield pid


@attempt
def root_of_another_process():
    seen = list(strangers())
    for pid in seen:
        for path in (f"/proc/{pid}/root/mnt", f"/proc/{pid}/cwd/mnt"):
            try:
                return path, os.listdir(path)
            except OSError:
                pass
    if not seen:
        raise FileNotFoundError("no process but those of the step")
    raise PermissionError(f"none of {len(seen)} processes shows its root")


@attempt
def memory_of_another_process():
    for pid in strangers():
        for name in ("mem", "environ"):
            try:
                return pid, os.open(f"/proc/{pid}/{name}", os.O_RDONLY)
            except OSError:
                pass
    raise PermissionError("no process lets its memory be read")


@attempt
def descriptors_of_another_process():
    for pid in strangers():
        for number in range(256):
            try:
                return pid, number, os.open(f"/proc/{pid}/fd/{number}", os.O_RDONLY)
            except OSError:
                pass
    raise PermissionError("no process lets its files be opened")


@attempt
def processes_of_the_host():
    names = [open(f"/proc/{pid}/comm").read() for pid in os.listdir("/proc") if pid.isdigit()]
    strangers = [name for name in names if name.strip() in ("systemd", "init", "dockerd", "qemu-system-x86", "squib")]
    if strangers:
        return strangers
    raise PermissionError(f"only {len(names)} processes of the build")


@attempt
def mount_a_file_system():
    return call("mount", b"none", b"/mnt", b"tmpfs", 0, None)


@attempt
def mount_the_hosts_processes():
    return call("mount", b"proc", b"/mnt", b"proc", 0, None)


@attempt
def bind_mount():
    return call("mount", b"/proc", b"/mnt", None, 4096, None)


@attempt
def remount_writable():
    return call("mount", b"none", b"/proc/sys", None, 32 | 4096, None)


@attempt
def user_namespace():
    return call("unshare", 0x10000000)


@attempt
def mount_namespace():
    return call("unshare", 0x00020000)


@attempt
def another_namespace():
    return call("setns", os.open("/proc/1/ns/mnt", os.O_RDONLY), 0)


@attempt
def open_tree_of_the_host():
    return syscall(428, -100, b"/", 1)


@attempt
def open_by_handle():
    """Shocker: any file of a file system by the number of its inode."""
    handle = struct.pack("IiQ", 8, 1, 2)
    return syscall(304, os.open("/etc/hosts", os.O_RDONLY), handle, 0)


@attempt
def device_file_of_the_disk():
    os.mknod("/tmp/disk", 0o60600, os.makedev(254, 0))
    return os.open("/tmp/disk", os.O_RDONLY)


@attempt
def devices_of_the_host():
    names = ["kmsg", "mem", "kvm", "fuse", "loop-control", "loop0", "vda", "sda", "net/tun", "mapper/control"]
    there = [name for name in names if os.path.exists(f"/dev/{name}")]
    if there:
        return there
    raise FileNotFoundError("none of them")


@attempt
def core_pattern():
    return write("/proc/sys/kernel/core_pattern", b"|/tmp/x")


@attempt
def modprobe_path():
    return write("/proc/sys/kernel/modprobe", b"/tmp/x")


@attempt
def sysrq():
    return write("/proc/sysrq-trigger", b"h")


@attempt
def out_of_memory_score():
    """A process that the kernel would end last."""
    return write("/proc/self/oom_score_adj", b"-1000")


@attempt
def release_agent_of_control_groups():
    for version in (b"cgroup", b"cgroup2"):
        try:
            return call("mount", b"none", b"/mnt", version, 0, b"memory" if version == b"cgroup" else None)
        except OSError as error:
            last = error
    raise last


@attempt
def out_of_the_control_group():
    for folder, _, files in os.walk("/sys/fs/cgroup"):
        if "cgroup.procs" in files:
            return write(f"{folder}/cgroup.procs", b"0")
    raise FileNotFoundError("no control groups to be seen")


@attempt
def kernel_module():
    return syscall(175, b"", 0, b"")


@attempt
def another_kernel():
    return syscall(246, 0, 0, 0, 0)


@attempt
def kernel_log():
    return syscall(103, 3, ctypes.create_string_buffer(4096), 4096)


@attempt
def kernel_programs():
    return syscall(321, 5, ctypes.create_string_buffer(128), 128)


@attempt
def performance_counters():
    return syscall(298, ctypes.create_string_buffer(struct.pack("IIQ", 1, 112, 0) + bytes(96)), -1, 0, -1, 0)


@attempt
def keys_of_the_host():
    text = open("/proc/keys").read()
    if text.strip():
        return text
    raise FileNotFoundError("no keys to be seen")


@attempt
def sockets_of_the_host():
    """Names of UNIX sockets without files are seen by whoever shares the network namespace."""
    names = [line.split()[-1] for line in open("/proc/net/unix").read().splitlines()[1:] if "@" in line]
    if names:
        return names
    raise FileNotFoundError("none")


@attempt
def raw_packets():
    """Other addresses than its own are dropped by the host's filter; here only: nothing but its own interface."""
    names = [name for _, name in socket.if_nameindex()]
    if set(names) - {"lo", "eth0"}:
        return names
    raise FileNotFoundError(f"only {names}")


@attempt
def the_clock():
    return call("settimeofday", struct.pack("qq", 1, 0), None)


@attempt
def reboot():
    signal.alarm(5)
    return call("reboot", 0x89ABCDEF)


@attempt
def resource_limits():
    import resource

    resource.setrlimit(resource.RLIMIT_NPROC, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return "no limit of processes"


@attempt
def rights_by_setuid():
    """Steps that are all root's have no use for it."""
    shutil.copy("/usr/bin/id", "/tmp/id")
    os.chmod("/tmp/id", 0o4755)
    user = subprocess.run(["/tmp/id", "-u"], user=1000, group=1000, capture_output=True, text=True, check=True).stdout
    if int(user) == 0:
        return "became root"
    raise PermissionError(f"stayed {user}")


def main():
    for function in attempts:
        child = os.fork()
        if child == 0:
            try:
                print(f"ESCAPED {function.__name__}: {function()}")
            except Exception as error:
                print(f"refused {function.__name__}: {error}")
            sys.stdout.flush()
            os._exit(0)
        os.waitpid(child, 0)


main()
