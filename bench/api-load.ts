// Sends one request over and over on kept connections and prints how often it was answered. Cheaper per request than a
// client library, so that the server is what is measured.
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';

export interface LoadOrder {
  port: number;
  /** The whole request as it goes over the wire. */
  request: string;
  /** So many answers, whatever time they take. */
  answers: number;
  connections: number;
}

/** A request of HTTP/1.1 as bytes of text. */
export function requestText(
  method: string,
  path: string,
  headers: Record<string, string>,
  body = '',
): string {
  const length = body === '' ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const fields = Object.entries({ ...headers, ...length }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${fields.join('')}\r\n${body}`;
}

async function run({ port, request, answers: wanted, connections }: LoadOrder): Promise<void> {
  const bytes = Buffer.from(request);
  let answers = 0;
  const one = () => {
    const socket = connect(port, '127.0.0.1').setNoDelay();
    let missing = 0;
    let head = '';
    socket.on('connect', () => socket.write(bytes));
    socket.on('data', (chunk: Buffer) => {
      if (missing === 0) {
        head += chunk.toString('latin1');
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        if (!head.startsWith('HTTP/1.1 200')) throw new Error(head);
        const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
        if (length === undefined) throw new Error(`no length: ${head}`);
        missing = Number(length) - (head.length - end - 4);
        head = '';
      } else {
        missing -= chunk.length;
      }
      if (missing > 0) return;
      if (++answers + connections <= wanted) socket.write(bytes);
    });
    socket.on('error', (error) => {
      throw error;
    });
    return socket;
  };
  const sockets = Array.from({ length: connections }, one);
  // Never sleeps: to wake a process is dear in a virtual machine, and the server would pay for it, the slow one more often.
  while (answers < wanted) await new Promise((resolve) => setImmediate(resolve));
  for (const socket of sockets) socket.destroy();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await run(JSON.parse(await text(process.stdin)) as LoadOrder);
}
