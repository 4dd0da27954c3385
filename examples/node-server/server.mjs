// An HTTP server on port 8080 and the lifecycle hooks on port 9000, with nothing but Node.js.
import { createServer } from 'node:http';

const startedAt = new Date();
let visits = 0;

createServer((request, response) => {
  visits += 1;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ path: request.url, visits, startedAt, node: process.version }));
}).listen(8080);

const prefix = '/aws/lambda-microvms/runtime/v1/';

createServer((request, response) => {
  const known = request.method === 'POST' && request.url.startsWith(prefix);
  if (known) console.log(`hook ${request.url.slice(prefix.length)}`);
  request.resume();
  response.writeHead(known ? 200 : 404).end();
}).listen(9000);
