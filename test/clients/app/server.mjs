// What the tests of real clients talk to: HTTP/1.1 and WebSocket on 8080, gRPC on 50051, hooks on 9000.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { WebSocketServer } from 'ws';

const files = { '/xterm.js': 'text/javascript', '/page.html': 'text/html', '/shell.html': 'text/html' };

const http = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://app');
  if (url.pathname in files) {
    response.setHeader('content-type', files[url.pathname]);
    response.end(readFileSync(`/app${url.pathname}`));
  } else if (url.pathname === '/echo') {
    const hash = createHash('sha256');
    let length = 0;
    for await (const chunk of request) {
      length += chunk.length;
      hash.update(chunk);
    }
    const { method, headers } = request;
    const peer = request.socket.remoteAddress;
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({ method, headers, peer, length, sha256: hash.digest('hex'), query: url.search }),
    );
  } else if (url.pathname === '/bytes') {
    const count = Number(url.searchParams.get('count'));
    response.setHeader('content-length', count);
    const piece = Buffer.alloc(65_536, 7);
    for (let left = count; left > 0; left -= piece.length) {
      if (!response.write(piece.subarray(0, left)))
        await new Promise((resolve) => response.once('drain', resolve));
    }
    response.end();
  } else if (url.pathname === '/events') {
    response.setHeader('content-type', 'text/event-stream');
    response.write('data: first\n\n');
    // The second comes when the client has shown that it has the first.
    events.push(() => response.end('data: second\n\n'));
  } else if (url.pathname === '/seen') {
    for (const go of events.splice(0)) go();
    response.end();
  } else if (url.pathname === '/cookie') {
    response.setHeader('set-cookie', 'session=of-the-app; Path=/');
    response.end(request.headers.cookie ?? 'none');
  } else {
    response.end('hello');
  }
});
const events = [];
const sockets = new WebSocketServer({
  server: http,
  handleProtocols: (offered) => offered.values().next().value ?? false,
});
sockets.on('connection', (socket, request) => {
  socket.send(
    JSON.stringify({
      protocols: request.headers['sec-websocket-protocol'] ?? null,
      cookie: request.headers.cookie ?? null,
    }),
  );
  socket.on('message', (data, binary) => socket.send(data, { binary }));
});
http.listen(8080);

const same = {
  requestSerialize: (b) => b,
  requestDeserialize: (b) => b,
  responseSerialize: (b) => b,
  responseDeserialize: (b) => b,
};
const method = (name, requestStream, responseStream) => ({
  path: `/test.Echo/${name}`,
  requestStream,
  responseStream,
  ...same,
});
const grpc = new Server();
grpc.addService(
  {
    unary: method('Unary', false, false),
    split: method('Split', false, true),
    join: method('Join', true, false),
    chat: method('Chat', true, true),
    fail: method('Fail', false, false),
    sleep: method('Sleep', false, false),
  },
  {
    unary: (call, done) => {
      const trailer = call.metadata.clone();
      for (const name of Object.keys(trailer.getMap())) if (name !== 'x-question') trailer.remove(name);
      trailer.set('x-answer-bin', Buffer.from([0, 255]));
      done(null, call.request, trailer);
    },
    split: (call) => {
      for (const byte of call.request) call.write(Buffer.from([byte]));
      call.end();
    },
    join: (call, done) => {
      const parts = [];
      call.on('data', (part) => parts.push(part));
      call.on('end', () => done(null, Buffer.concat(parts)));
    },
    chat: (call) => {
      call.on('data', (part) => call.write(part));
      call.on('end', () => call.end());
    },
    fail: (_call, done) => done({ code: status.FAILED_PRECONDITION, details: 'not like this: ü' }),
    sleep: (call) => call.on('cancelled', () => sleeps.push('cancelled')),
  },
);
const sleeps = [];
grpc.bindAsync('0.0.0.0:50051', ServerCredentials.createInsecure(), () => {});
createServer((_request, response) => response.end(JSON.stringify(sleeps))).listen(9000);
