"""Real Python clients at the endpoint of a MicroVM. Prints a line of JSON for each test."""
import asyncio
import hashlib
import json
import sys
import traceback

import aiohttp
import grpc
import requests
import websockets

WORLD = json.load(sys.stdin)
HOST, CA, TOKEN = WORLD["endpoint"], WORLD["ca"], WORLD["token"]
AUTH = {"X-aws-proxy-auth": TOKEN}
URL = f"https://{HOST}"


def test(name, body):
    error = None
    try:
        result = body()
        if asyncio.iscoroutine(result):
            asyncio.run(result)
    except BaseException:
        error = traceback.format_exc()
    print(json.dumps({"name": name, **({"error": error} if error else {})}), flush=True)


def equal(one, other):
    assert one == other, f"{one!r} is not {other!r}"


def with_requests():
    with requests.Session() as session:
        session.verify = CA
        session.headers.update(AUTH)
        equal(session.get(URL, timeout=60).text, "hello")
        data = b"x" * 3_000_000
        answer = session.post(f"{URL}/echo?a=1", data=data, timeout=120).json()
        equal((answer["length"], answer["sha256"], answer["query"]),
              (len(data), hashlib.sha256(data).hexdigest(), "?a=1"))
        answer = session.put(f"{URL}/echo", data=(b"ab" for _ in range(50)), timeout=60).json()
        equal((answer["length"], answer["headers"]["transfer-encoding"]), (100, "chunked"))
        equal(len(session.get(f"{URL}/bytes?count=5000000", timeout=120).content), 5_000_000)
        events = session.get(f"{URL}/events", stream=True, timeout=60)
        lines = events.iter_lines()
        equal(next(lines), b"data: first")
        requests.get(f"{URL}/seen", headers=AUTH, verify=CA, timeout=60)
        equal([line for line in lines if line], [b"data: second"])
    equal(requests.get(URL, verify=CA, timeout=60).status_code, 403)


def ssl_context():
    import ssl
    return ssl.create_default_context(cafile=CA)


async def with_aiohttp():
    connector = aiohttp.TCPConnector(ssl=ssl_context(), limit=50)
    async with aiohttp.ClientSession(connector=connector, headers=AUTH) as session:
        async def one(number):
            async with session.post(f"{URL}/echo", data=b"y" * number) as answer:
                return (await answer.json())["length"]
        equal(await asyncio.gather(*(one(number) for number in range(1, 41))), list(range(1, 41)))
        async with session.ws_connect(f"{URL}/socket") as socket:
            equal(json.loads((await socket.receive()).data)["protocols"], None)
            await socket.send_bytes(b"\x00\xff")
            equal((await socket.receive()).data, b"\x00\xff")
            await socket.close()


async def with_websockets():
    protocols = ["lambda-microvms", f"lambda-microvms.authentication.{TOKEN}"]
    url = f"wss://{HOST}/socket"
    async with websockets.connect(url, ssl=ssl_context(), subprotocols=protocols) as socket:
        equal(socket.subprotocol, "lambda-microvms")
        equal(json.loads(await socket.recv())["protocols"], None)
        big = "z" * 500_000
        await socket.send(big)
        equal(await socket.recv(), big)
    async with websockets.connect(url, ssl=ssl_context(), subprotocols=[*protocols, "my-app"]) as socket:
        equal(socket.subprotocol, "my-app")
        equal(json.loads(await socket.recv())["protocols"], "my-app")
    async with websockets.connect(url, ssl=ssl_context(), additional_headers=AUTH) as socket:
        equal(socket.subprotocol, None)
    try:
        await websockets.connect(url, ssl=ssl_context(), subprotocols=protocols[1:])
        raise AssertionError("the handshake was not refused")
    except websockets.exceptions.InvalidStatus as refused:
        equal(refused.response.status_code, 400)


async def shell_with_websockets():
    protocols = ["lambda-microvms", f"lambda-microvms.authentication.{WORLD['shellToken']}", "lambda-microvms.port.8022"]
    async with websockets.connect(f"wss://{HOST}/shell", ssl=ssl_context(), subprotocols=protocols) as socket:
        equal(json.loads(await socket.recv())["type"], "session_init")
        await socket.send(json.dumps({"type": "resize", "cols": 91, "rows": 17}))
        await socket.send(b"stty size; echo $FROM_IMAGE-$PWD; exit 3\r")
        output = b""
        try:
            while True:
                output += await socket.recv()
        except websockets.exceptions.ConnectionClosed as closed:
            equal((closed.rcvd.code, closed.rcvd.reason), (1000, "shell exited"))
        assert b"17 91" in output and b"yes-/app" in output, output


def grpc_channel():
    with open(CA, "rb") as file:
        return grpc.secure_channel(HOST, grpc.ssl_channel_credentials(file.read()))


METADATA = (("x-aws-proxy-auth", TOKEN), ("x-aws-proxy-port", "50051"))


def with_grpcio():
    with grpc_channel() as channel:
        unary = channel.unary_unary("/test.Echo/Unary")
        answer, call = unary.with_call(b"one", metadata=(*METADATA, ("x-question", "why")), timeout=60)
        trailers = dict(call.trailing_metadata())
        equal((answer, trailers["x-question"], trailers["x-answer-bin"]), (b"one", "why", b"\x00\xff"))
        split = channel.unary_stream("/test.Echo/Split")
        equal(list(split(b"abc", metadata=METADATA, timeout=60)), [b"a", b"b", b"c"])
        join = channel.stream_unary("/test.Echo/Join")
        parts = [b"p" * 50_000] * 20
        equal(join(iter(parts), metadata=METADATA, timeout=60), b"".join(parts))
        chat = channel.stream_stream("/test.Echo/Chat")
        equal(list(chat(iter([b"a", b"b"]), metadata=METADATA, timeout=60)), [b"a", b"b"])
        try:
            channel.unary_unary("/test.Echo/Fail")(b"", metadata=METADATA, timeout=60)
            raise AssertionError("it did not fail")
        except grpc.RpcError as error:
            equal((error.code(), error.details()), (grpc.StatusCode.FAILED_PRECONDITION, "not like this: ü"))
        try:
            channel.unary_unary("/test.Echo/Sleep")(b"", metadata=METADATA, timeout=1)
            raise AssertionError("it did not end")
        except grpc.RpcError as error:
            equal(error.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        compressed = unary(b"c" * 10_000, metadata=METADATA, compression=grpc.Compression.Gzip, timeout=60)
        equal(compressed, b"c" * 10_000)
        try:
            unary(b"", timeout=60)
            raise AssertionError("it was not refused")
        except grpc.RpcError as error:
            equal(error.code(), grpc.StatusCode.PERMISSION_DENIED)


test("Python requests: bodies, chunks, downloads, events", with_requests)
test("Python aiohttp: 40 requests at once, WebSocket by header", with_aiohttp)
test("Python websockets: subprotocols as AWS selects them", with_websockets)
test("Python websockets: a shell with size and environment", shell_with_websockets)
test("Python grpcio: four kinds of calls, trailers, status, deadline, gzip", with_grpcio)
