import { join } from 'node:path';
import type { GetMicrovmResponse } from '../../aws/models/lambda-microvms.ts';
import { dataLayout } from '../../config/layout.ts';
import { SquibError } from '../../errors/squib-error.ts';
import { callLambda } from '../api/aws.ts';
import { findConnection, localConfig } from '../api/connection.ts';
import { findMicrovmId } from '../api/lookup.ts';
import { mintToken } from '../api/tokens.ts';
import { command, connectionOptions } from '../command.ts';
import { type Destination, dialOf } from '../connect/destination.ts';
import { startLocalProxy } from '../connect/local-proxy.ts';
import { TokenSource, tokenMinutes } from '../connect/token-source.ts';
import { UsageError } from '../usage-error.ts';

export const connect = command({
  summary: 'make ports of a MicroVM ports of this machine, for browsers and tools',
  synopsis: ['connect ID [[LOCAL:]PORT…]'],
  description: `Listens on localhost and sends what comes on to the MicroVM's endpoint, with a token that it makes and renews by itself:
HTTP/1.1, WebSockets, and HTTP/2 with prior knowledge (gRPC without TLS). Without a PORT it is 8080. LOCAL is the port
here, the same as PORT unless it is given; 0 stands for any free one. A suspended MicroVM wakes up with the first
request, if its idle policy says so. Ctrl-C ends it. Only programs of this machine get through, and of web pages only
those that came from localhost themselves.`,
  options: { ...connectionOptions },
  complete: ['microvm'],
  examples: ['squib connect 0a1b2c3d', 'squib connect 0a1b2c3d 8888 9000:8080'],
  async run({ values, positionals }) {
    const [text, ...rest] = positionals;
    if (text === undefined) throw new UsageError('ID is missing.');
    const mappings = (rest.length > 0 ? rest : ['8080']).map(mapping);
    const connection = findConnection(values);
    const microvmId = await findMicrovmId(connection, text);
    const config = localConfig(values);
    const caFile = config && join(dataLayout(config.dataDir).keys, 'ca.pem');
    const { endpoint = '', state = '' } = await callLambda<GetMicrovmResponse>(connection, 'GetMicrovm', {
      microvmIdentifier: microvmId,
    });
    if (state === 'TERMINATING' || state === 'TERMINATED') {
      throw new SquibError(`${microvmId} is ${state}.`, 'Run a new MicroVM.');
    }
    const dial = dialOf(endpoint, connection, caFile);
    const complain = (problem: string) => console.error(`squib: ${problem}`);
    for (const { local, port } of mappings) {
      const tokens = new TokenSource(() => mintToken(connection, microvmId, { port, minutes: tokenMinutes }));
      await tokens.get();
      const destination: Destination = { endpoint, port, dial, tokens };
      const proxy = await startLocalProxy(destination, local, complain);
      console.log(`http://localhost:${proxy.port}  →  ${microvmId} port ${port}`);
    }
    console.log(`Tokens are added and renewed; the MicroVM is ${state}. Ctrl-C ends this.`);
    await new Promise<void>((resolve) => {
      process.once('SIGINT', resolve);
      process.once('SIGTERM', resolve);
    });
    process.exit(0);
  },
});

function mapping(text: string): { local: number; port: number } {
  const [, local, port] = /^(?:(\d{1,5}):)?(\d{1,5})$/.exec(text) ?? [];
  const numbers = { local: Number(local ?? port), port: Number(port) };
  if (!(numbers.port >= 1 && numbers.port <= 65_535 && numbers.local <= 65_535)) {
    throw new UsageError(`'${text}' is not a port, nor LOCAL:PORT.`);
  }
  return numbers;
}
