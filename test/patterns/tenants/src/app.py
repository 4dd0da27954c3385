"""One tenant's agent: remembers what it was told; who the tenant is comes with the run hook."""
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

tenant = None
heard = []


class Server(BaseHTTPRequestHandler):
    def do_POST(self):
        global tenant
        text = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        if self.path.endswith("/run"):
            tenant = json.loads(json.loads(text)["runHookPayload"])["tenantId"]
        elif self.path == "/chat":
            if self.headers.get("authorization") != f"Bearer {os.environ['GATEWAY_TOKEN']}":
                return self.answer(401, {"error": "who are you?"})
            heard.append(json.loads(text)["message"])
        self.answer(200, {"tenant": tenant, "heard": heard})

    def answer(self, status, value):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


threading.Thread(target=ThreadingHTTPServer(("", 9000), Server).serve_forever, daemon=True).start()
ThreadingHTTPServer(("", 8080), Server).serve_forever()
