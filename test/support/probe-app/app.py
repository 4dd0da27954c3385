"""The application that end-to-end tests run: it answers what a test wants to know and fails when it is told to."""
import json
import os
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

HOOKS = "/aws/lambda-microvms/runtime/v1/"
state = {"count": 0, "hooks": [], "payload": None, "microvm_id": None, "draws": []}
lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        url = urlparse(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/":
            with lock:
                state["count"] += 1
                count = state["count"]
            self.answer(200, {"count": count})
        elif url.path == "/state":
            self.answer(200, state)
        elif url.path == "/random":
            self.answer(200, {"random": os.urandom(16).hex()})
        elif url.path == "/sleep":
            time.sleep(float(query["seconds"]))
            self.answer(200, {})
        elif url.path == "/time":
            self.answer(200, {"time": time.time(), "monotonic": time.monotonic()})
        elif url.path == "/environment":
            self.answer(200, dict(os.environ))
        elif url.path == "/process":
            self.answer(200, {"pid": os.getpid(), "uid": os.getuid(), "hostname": socket.gethostname(),
                              "status": open("/proc/self/status").read()})
        elif url.path == "/headers":
            self.answer(200, {name.lower(): value for name, value in self.headers.items()})
        elif url.path == "/write":
            with open(query["name"], "w") as file:
                file.write(query["text"])
                file.flush()
            self.answer(200, {})
        elif url.path == "/fill":
            written = 0
            try:
                with open("/filler", "wb") as file:
                    for _ in range(int(query["mib"])):
                        file.write(os.urandom(1 << 20))
                        file.flush()
                        os.fsync(file.fileno())
                        written += 1
                self.answer(200, {"written": written})
            except OSError as error:
                self.answer(200, {"written": written, "error": error.errno})
        elif url.path == "/read":
            try:
                self.answer(200, {"text": open(query["name"]).read()})
            except FileNotFoundError:
                self.answer(404, {})
        elif url.path == "/print":
            print(query["text"], flush=True)
            self.answer(200, {})
        elif url.path == "/touch-memory":
            state_bytes = bytearray(os.urandom(1024)) * (int(query["mib"]) * 1024)
            kept.append(state_bytes)
            self.answer(200, {})
        elif url.path == "/zeros":
            left = int(query["bytes"])
            self.send_response(200)
            self.send_header("content-length", str(left))
            self.end_headers()
            piece = bytes(65536)
            while left > 0:
                self.wfile.write(piece[:left])
                left -= min(left, len(piece))
        elif url.path == "/exit":
            self.answer(200, {})
            threading.Timer(0.1, lambda: os._exit(int(query["code"]))).start()
        else:
            self.answer(404, {})

    def do_POST(self):
        # First of all: what a process gets right after its MicroVM was restored.
        draws = [os.urandom(32).hex() for _ in range(8)]
        length = int(self.headers.get("content-length") or 0)
        if self.path == "/sink":
            left = length
            while left > 0:
                piece = self.rfile.read(min(left, 65536))
                if not piece:
                    return
                left -= len(piece)
            self.answer(200, {"bytes": length})
            return
        body = self.rfile.read(length).decode()
        if not self.path.startswith(HOOKS):
            self.answer(200, {"body": body})
            return
        hook = self.path[len(HOOKS):]
        state["hooks"].append(hook)
        state["draws"].append(draws)
        print(f"hook {hook}", flush=True)
        if hook == "run":
            message = json.loads(body)
            state["microvm_id"] = message["microvmId"]
            state["payload"] = message.get("runHookPayload")
        payload = state["payload"] or ""
        if payload == f"hang-{hook}":
            time.sleep(600)
        self.answer(500 if payload == f"fail-{hook}" else 200, {})

    def log_message(self, *_):
        pass


kept = []
mode = os.environ.get("PROBE_MODE", "")
if mode == "exit":
    print("leaving at once", flush=True)
    sys.exit(3)
print("probe app starts", flush=True)
if mode == "never-ready":
    time.sleep(3600)
servers = [ThreadingHTTPServer(("0.0.0.0", port), Handler) for port in (8080, 9000)]
# Without looking twice a second whether they should stop: an application that waits takes no processor.
threading.Thread(target=servers[1].serve_forever, args=(None,), daemon=True).start()
servers[0].serve_forever(None)
