// The application behind both proxies: a short answer, as many bytes as are asked for, or as many as are sent.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const short = Buffer.from('x'.repeat(200));
const piece = Buffer.alloc(65_536);

const server = createServer((request, response) => {
  const count = Number(/^\/bytes\/(\d+)$/.exec(request.url ?? '')?.[1] ?? 0);
  request.resume();
  if (count === 0) {
    const answer = () => {
      response.writeHead(200, { 'content-type': 'text/plain', 'content-length': short.length });
      response.end(short);
    };
    if (request.method === 'POST') request.on('end', answer);
    else answer();
    return;
  }
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': count });
  let left = count;
  const more = () => {
    while (left > 0) {
      const part = left < piece.length ? piece.subarray(0, left) : piece;
      left -= part.length;
      if (left === 0) response.end(part);
      else if (!response.write(part)) return void response.once('drain', more);
    }
  };
  more();
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
