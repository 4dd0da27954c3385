"""A way for a browser on this machine to an application in a MicroVM: adds the token to requests and WebSockets."""
import argparse
import asyncio
import ssl
from urllib.parse import urlparse

import aiohttp
from aiohttp import web

TRUST = ssl.create_default_context()
DROPPED = {"host", "connection", "accept-encoding", "transfer-encoding", "content-length", "content-encoding"}


async def relay(source, target):
    async for message in source:
        if message.type == aiohttp.WSMsgType.TEXT:
            await target.send_str(message.data)
        elif message.type == aiohttp.WSMsgType.BINARY:
            await target.send_bytes(message.data)
    await target.close()


async def web_socket(request):
    endpoint, token = request.app["endpoint"], request.app["token"]
    browser = web.WebSocketResponse(max_msg_size=0)
    await browser.prepare(request)
    # The token travels twice: as a header, and as a browser itself would have to send it.
    async with aiohttp.ClientSession() as session, session.ws_connect(
        endpoint.replace("https:", "wss:") + request.path_qs,
        headers={"Host": urlparse(endpoint).netloc, "Origin": endpoint, "X-aws-proxy-auth": token},
        protocols=["lambda-microvms", f"lambda-microvms.authentication.{token}", "lambda-microvms.port.8080"],
        ssl=TRUST,
        max_msg_size=0,
    ) as app:
        print("websocket", app.protocol, flush=True)
        await asyncio.gather(relay(browser, app), relay(app, browser), return_exceptions=True)
    return browser


async def plain(request):
    headers = {name: value for name, value in request.headers.items() if name.lower() not in DROPPED}
    headers["X-aws-proxy-auth"] = request.app["token"]
    async with aiohttp.ClientSession(auto_decompress=True) as session, session.request(
        request.method,
        request.app["endpoint"] + request.path_qs,
        headers=headers,
        data=await request.read() or None,
        ssl=TRUST,
        allow_redirects=False,
    ) as answer:
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in DROPPED}
        return web.Response(status=answer.status, body=await answer.read(), headers=kept)


async def either(request):
    return await (web_socket if request.headers.get("upgrade", "").lower() == "websocket" else plain)(request)


parser = argparse.ArgumentParser()
parser.add_argument("endpoint")
parser.add_argument("token")
parser.add_argument("--port", type=int, default=8080)
options = parser.parse_args()
app = web.Application(client_max_size=64 * 1024 * 1024)
app["endpoint"], app["token"] = options.endpoint.rstrip("/"), options.token
app.router.add_route("*", "/{path:.*}", either)
web.run_app(app, host="127.0.0.1", port=options.port, print=lambda *_: print("listening", flush=True))
