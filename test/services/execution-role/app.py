"""An application that uses AWS through boto3 with nothing but its execution role."""
import functools
import json
import os
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

IMDS = "http://169.254.169.254/latest/"


@functools.cache  # making one takes seconds without KVM
def client(service):
    # boto3 takes no region from AWS_REGION.
    return boto3.client(service, region_name=os.environ["AWS_REGION"], config=Config(retries={"max_attempts": 1}, read_timeout=60))


def put(bucket, key, text):
    client("s3").put_object(Bucket=bucket, Key=key, Body=text.encode())
    return "stored"


def get(bucket, key):
    return client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()


def large(bucket, key, mib):
    s3 = client("s3")
    s3.put_object(Bucket=bucket, Key=key, Body=b"0123456789abcdef" * 65536 * mib)
    return sum(len(chunk) for chunk in s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks())


def log(group):
    logs = client("logs")
    logs.create_log_group(logGroupName=group)
    return "created"


def images():
    return len(client("lambda-microvms").list_microvm_images()["items"])


def whoami():
    return client("sts").get_caller_identity()["Arn"]


def unsigned(path):
    try:
        return urllib.request.urlopen("http://169.254.169.252" + path, timeout=20).status
    except urllib.error.HTTPError as error:
        return error.code


def keys():
    request = urllib.request.Request(IMDS + "api/token", method="PUT")
    request.add_header("X-aws-ec2-metadata-token-ttl-seconds", "60")
    token = urllib.request.urlopen(request).read().decode()
    request = urllib.request.Request(IMDS + "meta-data/iam/security-credentials/execution_role")
    request.add_header("X-aws-ec2-metadata-token", token)
    return json.load(urllib.request.urlopen(request, timeout=20))


actions = {f.__name__: f for f in (put, get, large, log, images, whoami, unsigned, keys)}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        call = json.loads(self.rfile.read(int(self.headers["content-length"])))
        try:
            answer = {"ok": actions[call["action"]](*call["args"])}
        except ClientError as error:
            answer = {"refused": error.response["Error"]["Code"]}
        except Exception as error:
            answer = {"failed": f"{type(error).__name__}: {error}"}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
