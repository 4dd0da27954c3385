"""Run on the host as the user of one MicroVM's QEMU, outside of its jail: what of squib is there to be had?

Arguments: squib's data directory, then process ids of others' QEMUs. Prints what was reached, a JSON list.
"""
import ctypes
import json
import os
import socket
import sys

data, pids = sys.argv[1], [int(pid) for pid in sys.argv[2:]]
reached = []


def attempt(what, act):
    try:
        act()
        reached.append(what)
    except OSError:
        pass


def connect(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)


for path in sys.stdin.read().split("\0"):
    attempt(f"read {path}", lambda: os.close(os.open(path, os.O_RDONLY)))
    attempt(f"write {path}", lambda: os.close(os.open(path, os.O_WRONLY)))
    if path.endswith(".sock"):
        attempt(f"connect {path}", lambda: connect(path))
attempt(f"list {data}", lambda: os.listdir(data))

libc = ctypes.CDLL(None, use_errno=True)
PTRACE_ATTACH = 16


def trace(pid):
    if libc.ptrace(PTRACE_ATTACH, pid, None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")


for pid in pids:
    base = f"/proc/{pid}"
    for name in ("mem", "maps", "environ", "pagemap"):
        attempt(f"{base}/{name}", lambda: os.read(os.open(f"{base}/{name}", os.O_RDONLY), 1))
    for name in ("root", "cwd", "fd", "map_files"):
        attempt(f"{base}/{name}", lambda: os.listdir(f"{base}/{name}"))
    attempt(f"signal {pid}", lambda: os.kill(pid, 0))
    attempt(f"trace {pid}", lambda: trace(pid))
for name in ("/dev/kvm", "/dev/mem", "/dev/kmem", "/dev/port"):
    attempt(f"write {name}", lambda: os.close(os.open(name, os.O_WRONLY)))
print(json.dumps(reached))
