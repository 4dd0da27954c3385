"""Answers the lifecycle hooks on port 9000; there is nothing else to be reached."""
from http.server import BaseHTTPRequestHandler, HTTPServer


class Hooks(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        print("hook", self.path.rsplit("/", 1)[1])
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


HTTPServer(("", 9000), Hooks).serve_forever()
