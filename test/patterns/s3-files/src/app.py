"""The files of one prefix of a bucket over HTTP, in the name of the execution role; which, comes with the run hook."""
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
from botocore.exceptions import ClientError

place = {}
# One session for all clients, and a first one that is never used: what boto3 loads for S3 is in the snapshot.
session = boto3.session.Session(region_name=os.environ["AWS_REGION"])  # boto3 takes no region from AWS_REGION
session.client("s3", aws_access_key_id="none", aws_secret_access_key="none")
client = None


def connect():
    """After a start from the snapshot or a long sleep: new connections, keys that hold."""
    global client
    client = session.client("s3")


class Server(BaseHTTPRequestHandler):
    def body(self):
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def answer(self, status, data):
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def key(self):
        return place["prefix"] + self.path.removeprefix("/files/")


class Hooks(Server):
    def do_POST(self):
        text = self.body()
        if self.path.endswith("/run"):
            place.update(json.loads(json.loads(text)["runHookPayload"]))
        if self.path.endswith(("/run", "/resume")):
            connect()
        self.answer(200, b"{}")


class Files(Server):
    def do_GET(self):
        try:
            if self.path == "/files/":
                listed = client.list_objects_v2(Bucket=place["bucket"], Prefix=place["prefix"])
                names = [each["Key"].removeprefix(place["prefix"]) for each in listed.get("Contents", [])]
                return self.answer(200, json.dumps(names).encode())
            got = client.get_object(Bucket=place["bucket"], Key=self.key())
            self.answer(200, got["Body"].read())
        except ClientError as error:
            self.answer(403, error.response["Error"]["Code"].encode())

    def do_PUT(self):
        try:
            client.put_object(Bucket=place["bucket"], Key=self.key(), Body=self.body())
            self.answer(201, b"")
        except ClientError as error:
            self.answer(403, error.response["Error"]["Code"].encode())


threading.Thread(target=ThreadingHTTPServer(("", 9000), Hooks).serve_forever, daemon=True).start()
ThreadingHTTPServer(("", 8080), Files).serve_forever()
