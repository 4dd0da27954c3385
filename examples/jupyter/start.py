"""Starts JupyterLab on port 8080 and answers the lifecycle hooks on port 9000.

The hook `ready` waits for the server and starts one kernel, so that both are in the snapshot: a MicroVM runs the first
cell at once. Jupyter itself asks for no token: nobody comes to a MicroVM's endpoint without one of squib's.
"""
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOOKS = "/aws/lambda-microvms/runtime/v1/"
SERVER = "http://127.0.0.1:8080"
SETTINGS = {
    "ServerApp.ip": "0.0.0.0",
    "ServerApp.port": "8080",
    "ServerApp.open_browser": "False",
    "ServerApp.allow_remote_access": "True",  # requests name the endpoint, not localhost
    "ServerApp.disable_check_xsrf": "True",
    "IdentityProvider.token": "",
    "LabApp.news_url": "None",
    "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
}


def start_kernel() -> None:
    order = urllib.request.Request(f"{SERVER}/api/kernels", data=b"{}", method="POST")
    while True:  # until the server listens; the hook's own timeout ends this
        try:
            kernel = json.load(urllib.request.urlopen(order, timeout=120))
            break
        except OSError:
            time.sleep(0.2)
    from jupyter_client import BlockingKernelClient
    from jupyter_core.paths import jupyter_runtime_dir

    client = BlockingKernelClient(connection_file=f"{jupyter_runtime_dir()}/kernel-{kernel['id']}.json")
    client.load_connection_file()
    client.start_channels()
    while True:
        try:
            client.wait_for_ready()
            break
        except RuntimeError:  # a kernel that is still starting on a slow machine counts as dead there
            time.sleep(0.2)
    client.execute_interactive("import json, math, re")  # the first cell is the slow one: have it in the snapshot
    client.stop_channels()


class Hooks(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.path == f"{HOOKS}ready":
            start_kernel()
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


hooks = ThreadingHTTPServer(("0.0.0.0", 9000), Hooks)
threading.Thread(target=hooks.serve_forever, daemon=True).start()
command = [sys.executable, "-m", "jupyterlab", *(f"--{name}={value}" for name, value in SETTINGS.items())]
sys.exit(subprocess.call(command, env={**os.environ, "HOME": "/home/jupyter"}))
