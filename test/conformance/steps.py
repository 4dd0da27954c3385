"""Runs named steps one after the other and prints one JSON line for each; what they need comes on standard input."""
import json
import os
import sys
import time
import traceback

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

WORLD = json.load(sys.stdin)
REGION = WORLD["region"]
_steps = []


def step(name):
    """Names a function as a step."""
    return lambda function: _steps.append((name, function))


def run():
    """Steps build on each other, so the first that fails is the last."""
    for name, function in _steps:
        line = {"name": name}
        try:
            function()
        except Exception:
            line["error"] = traceback.format_exc()
        print(json.dumps(line), flush=True)
        if "error" in line:
            sys.exit(1)


def client(service, env=None, **settings):
    """A client as users make it; only checks before sending are off, because squib shall do the checking."""
    env = env or os.environ
    config = Config(parameter_validation=False, retries={"total_max_attempts": 1})
    settings = {
        "aws_access_key_id": env["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": env["AWS_SECRET_ACCESS_KEY"],
        "endpoint_url": env["AWS_ENDPOINT_URL"],
        "region_name": REGION,
        **settings,
    }
    return boto3.client(service, config=config, **settings)


def equal(actual, expected):
    assert actual == expected, f"got {actual!r}, expected {expected!r}"


def members(response):
    """Names of what came back, in order."""
    return sorted(name for name in response if name != "ResponseMetadata")


def status(response):
    return response["ResponseMetadata"]["HTTPStatusCode"]


def fails(call, code, http_status, message=None, **shape):
    """The call must end with this error; `shape` are further members of the answer."""
    try:
        answer = call()
    except ClientError as error:
        response = error.response
        equal((response["Error"]["Code"], status(response)), (code, http_status))
        if message is not None:
            equal(response["Error"]["Message"], message)
        for name, value in shape.items():
            equal(response.get(name), value)
        return response
    raise AssertionError(f"expected {code}, got {answer}")


def wait(read, done, seconds=120):
    """Reads until `done` says yes. @return what was read last"""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = read()
        if done(value):
            return value
        time.sleep(0.25)
    raise AssertionError(f"still {value}")
