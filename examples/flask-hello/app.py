"""A counter in memory, and the lifecycle hooks of Lambda MicroVMs."""

import socket
import threading

from flask import Flask, jsonify, request

app = Flask(__name__)
lock = threading.Lock()
count = 0

HOOKS = "/aws/lambda-microvms/runtime/v1"


@app.get("/")
def hello():
    global count
    with lock:
        count += 1
        seen = count
    return jsonify(message="Hello from a MicroVM", count=seen, hostname=socket.gethostname())


@app.post(f"{HOOKS}/ready")
def ready():
    """The image may be snapshotted: everything slow (imports, models, caches) is loaded."""
    return "", 200


@app.post(f"{HOOKS}/run")
def run():
    """A MicroVM starts from the snapshot; the body carries its id and the payload of RunMicrovm."""
    app.logger.warning("run %s", request.get_data(as_text=True))
    return "", 200


@app.post(f"{HOOKS}/suspend")
def suspend():
    """Last moment before memory goes to disk: flush and close what should not be frozen."""
    return "", 200


@app.post(f"{HOOKS}/resume")
def resume():
    """Memory is back: reconnect what timed out meanwhile."""
    return "", 200


@app.post(f"{HOOKS}/terminate")
def terminate():
    """The MicroVM ends; nothing is kept."""
    return "", 200
