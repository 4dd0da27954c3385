// The floor of the API: node:http with an answer of the size of GetMicrovm's, and nothing else.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const answer = Buffer.from(JSON.stringify({ constant: 'x'.repeat(640) }));
const server = createServer((message, response) => {
  message.resume();
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length });
  response.end(answer);
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
