"""Executes posted Python on port 8080 and answers the lifecycle hooks on port 9000."""
import contextlib
import io
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RELEASE = open("release.txt").read().strip()
payload = None


class Base(BaseHTTPRequestHandler):
    def body(self):
        return self.rfile.read(int(self.headers.get("content-length", 0))).decode()

    def reply(self, value):
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class App(Base):
    def do_GET(self):
        self.reply({"release": RELEASE, "greeting": os.environ["GREETING"], "payload": payload})

    def do_POST(self):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            exec(self.body(), {})
        print("executed a snippet")
        self.reply({"output": output.getvalue()})


class Hooks(Base):
    def do_POST(self):
        global payload
        text = self.body()
        if self.path.endswith("/run"):
            payload = json.loads(text).get("runHookPayload")
        self.reply({})


threading.Thread(target=ThreadingHTTPServer(("", 9000), Hooks).serve_forever, daemon=True).start()
print("release", RELEASE, "listens")
ThreadingHTTPServer(("", 8080), App).serve_forever()
