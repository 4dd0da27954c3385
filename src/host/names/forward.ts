import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { framed, MessageReader } from './stream-messages.ts';

/** How long a nameserver may take before the next one is asked, in milliseconds. */
const patience = 2_500;
const port = 53;

/** One nameserver's answer by UDP, or by TCP. @throws Error when it gives none in time */
export function ask(server: string, query: Buffer, transport: 'udp' | 'tcp'): Promise<Buffer> {
  return transport === 'udp' ? askByUdp(server, query) : askByTcp(server, query);
}

/** A connected socket takes datagrams from that server alone; its port is random. */
function askByUdp(server: string, query: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    const timer = setTimeout(() => settle(() => reject(new Error(`${server} does not answer`))), patience);
    const settle = (act: () => void) => {
      clearTimeout(timer);
      socket.close();
      act();
    };
    socket.once('error', (error) => settle(() => reject(error)));
    socket.on('message', (answer) => {
      if (answer.length >= 2 && answer.readUInt16BE(0) === query.readUInt16BE(0))
        settle(() => resolve(answer));
    });
    socket.connect(port, server, () => socket.send(query));
  });
}

function askByTcp(server: string, query: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: server, port, timeout: patience });
    const reader = new MessageReader((answer) => {
      socket.destroy();
      resolve(answer);
    });
    const fail = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    socket.once('error', fail);
    socket.once('timeout', () => fail(new Error(`${server} does not answer`)));
    socket.once('close', () => reject(new Error(`${server} closed the connection`)));
    socket.on('data', (chunk) => reader.push(chunk));
    socket.end(framed(query));
  });
}
