"""Runs Python code that it is sent. The MicroVM is the wall; one MicroVM belongs to one user.

POST /execute {"code": "...", "timeout": 5} answers {"stdout", "stderr", "exitCode", "timedOut"}. Code runs as a user of
its own in a folder that stays from call to call, so files of one call are there in the next, also after a suspend.
"""
import json
import os
import random
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOOKS = "/aws/lambda-microvms/runtime/v1/"
HOME = "/home/runner"
OUTPUT_LIMIT = 1 << 20
session = {"microvmId": None, "payload": None}


def execute(code: str, timeout: float) -> dict:
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=HOME, user=2000, group=2000, extra_groups=[], env={"HOME": HOME, "PATH": os.environ["PATH"]},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    timed_out = False
    try:
        stdout, stderr = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        timed_out = True
        os.killpg(process.pid, 9)
        stdout, stderr = process.communicate()
    return {
        "stdout": stdout[:OUTPUT_LIMIT].decode(errors="replace"),
        "stderr": stderr[:OUTPUT_LIMIT].decode(errors="replace"),
        "exitCode": process.returncode,
        "timedOut": timed_out,
    }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status: int, body: dict) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.answer(200, session)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.path.startswith(HOOKS):
            self.hook(self.path[len(HOOKS):], body)
        elif self.path == "/execute":
            order = json.loads(body)
            self.answer(200, execute(order["code"], float(order.get("timeout", 10))))
        else:
            self.answer(404, {})

    def hook(self, name: str, body: bytes) -> None:
        if name == "ready":  # the first child process is the slow one: have it in the snapshot
            execute("import json, math, re, statistics", 60)
        elif name == "run":
            random.seed()  # clones share what was seeded before the snapshot
            order = json.loads(body)
            session.update(microvmId=order["microvmId"], payload=order.get("runHookPayload"))
        self.answer(200, {})

    def log_message(self, *_):
        pass


servers = [ThreadingHTTPServer(("0.0.0.0", port), Handler) for port in (8080, 9000)]
threading.Thread(target=servers[1].serve_forever, daemon=True).start()
servers[0].serve_forever()
