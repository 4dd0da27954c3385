"""What tries to get out of a MicroVM on behalf of the attack suite."""
import concurrent.futures
import json
import socket
import struct
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import hostile

PATIENCE = 2.0
kept = {}


def tcp(host, port, **_):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as s:
        s.settimeout(PATIENCE)
        s.connect((host, port))
        return s.recv(100).decode()


def udp(host, port, **_):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.settimeout(PATIENCE)
        s.sendto(b"probe", (host, port))
        return s.recv(100).decode()


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def spoof(host, port, source, **_):
    """A SYN and a datagram from an address that is not ours."""
    addresses = socket.inet_aton(source) + socket.inet_aton(host)
    syn = struct.pack("!HHIIBBHHH", 40000, port, 1, 0, 5 << 4, 2, 1024, 0, 0)
    syn = syn[:16] + struct.pack("!H", checksum(addresses + struct.pack("!BBH", 0, 6, len(syn)) + syn)) + syn[18:]
    datagram = struct.pack("!HHHH", 40000, port, 13, 0) + b"probe"
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as s:
        for protocol, body in ((6, syn), (17, datagram)):
            head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 7, 0, 64, protocol, 0) + addresses
            s.sendto(head + body, (host, 0))
    return "sent"


def icmp(host, **_):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as s:
        s.settimeout(PATIENCE)
        s.sendto(struct.pack("!BBHHH", 8, 0, 0, 1, 1) + b"probe", (host, 0))
        return "answer" if s.recv(100) else ""


def name(host, **_):
    return sorted({entry[4][0] for entry in socket.getaddrinfo(host, 80, type=socket.SOCK_STREAM)})


def http(host, method="GET", headers={}, **_):
    request = urllib.request.Request(host, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return [answer.status, answer.read().decode()]
    except urllib.error.HTTPError as error:
        return [error.code, error.read().decode()]


def hold(host, port, label, **_):
    s = socket.create_connection((host, port), timeout=PATIENCE)
    s.recv(100)
    kept[label] = s
    return s.getsockname()[0]


def held(label, **_):
    kept[label].settimeout(PATIENCE)
    kept[label].sendall(b"again")
    return kept[label].recv(100).decode()


def talk(label, **_):
    """Says something to a held peer twice a second from now on."""

    def on_and_on(peer=kept[label]):
        while True:
            peer.sendall(b"and another thing: " * 8)
            time.sleep(0.5)

    threading.Thread(target=on_and_on, daemon=True).start()
    return "talking"


def file(host, **_):
    with open(host) as f:
        return f.read()


def take_over_port_80(**_):
    """An application of its own on port 80, in spite of the metadata service."""
    server = socket.create_server(("0.0.0.0", 80))
    server.close()
    return "taken"


actions = {f.__name__: f for f in (tcp, udp, spoof, icmp, name, http, hold, held, talk, file, take_over_port_80)}
actions |= hostile.actions


def attempt(probe):
    try:
        return {"ok": actions[probe["action"]](**{k: v for k, v in probe.items() if k != "action"})}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        probes = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            body = json.dumps(list(pool.map(attempt, probes))).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        kept["count"] = kept.get("count", 0) + 1
        body = str(kept["count"]).encode() if self.path == "/count" else b"here"
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def echo():
    """Held connections of the loopback interface end here."""
    server = socket.create_server(("127.0.0.1", 7000))
    while True:
        peer, _ = server.accept()

        def serve(peer=peer):
            peer.sendall(b"hello")
            while data := peer.recv(100):
                peer.sendall(data)

        threading.Thread(target=serve, daemon=True).start()


threading.Thread(target=echo, daemon=True).start()
ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
