// Lifecycle hooks on port 9000. The image is ready when the IDE has served its page.
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

async function served() {
  for (;;) {
    const answer = await fetch('http://127.0.0.1:8080/').catch(() => undefined);
    if (answer?.ok) return answer.text();
    await sleep(500);
  }
}

createServer(async (request, response) => {
  if (request.url.endsWith('/ready')) await served();
  console.log(`hook ${request.url.split('/').at(-1)}`);
  response.setHeader('content-type', 'application/json');
  response.end('{}');
}).listen(9000);
