#!/usr/bin/env python3
"""An agent without a model: does what it is told in the workspace, in the name of the execution role."""
import json
import pathlib
import sys
import urllib.request

METADATA = "http://169.254.169.254/latest"


def ask(path, method="GET", **headers):
    request = urllib.request.Request(METADATA + path, method=method, headers=headers)
    return urllib.request.urlopen(request, timeout=5).read().decode()


def whoami():
    token = ask("/api/token", "PUT", **{"X-aws-ec2-metadata-token-ttl-seconds": "60"})
    path = "/meta-data/iam/security-credentials/"
    name = ask(path, **{"X-aws-ec2-metadata-token": token})
    return json.loads(ask(path + name, **{"X-aws-ec2-metadata-token": token}))["AccessKeyId"]


task, *words = sys.argv[1:]
if task == "note":
    with pathlib.Path("notes.txt").open("a") as notes:
        print(*words, file=notes)
    print("noted in", pathlib.Path.cwd())
elif task == "notes":
    print(pathlib.Path("notes.txt").read_text(), end="")
elif task == "whoami":
    print("key", whoami())
