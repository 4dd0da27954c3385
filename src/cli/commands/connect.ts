import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { GetMicrovmResponse } from '../../aws/models/lambda-microvms.ts';
import { readConfig } from '../../config/config.ts';
import { dataLayout } from '../../config/layout.ts';
import { SquibError } from '../../errors/squib-error.ts';
import { callLambda } from '../api/aws.ts';
import { type Connection, findConnection } from '../api/connection.ts';
import type { Command } from '../command.ts';
import { type Destination, dialOf } from '../connect/destination.ts';
import { startLocalProxy } from '../connect/local-proxy.ts';
import { TokenSource, tokenMinutes } from '../connect/token-source.ts';

const remedy = "'squib help connect' shows how it is used.";

export const connect: Command = {
  summary: 'make ports of a MicroVM ports of this machine, for browsers and tools',
  usage: `squib connect ID [[LOCAL:]PORT …] [--config FILE]

Listens on localhost and sends what comes on to the MicroVM's endpoint, with a token that it makes and renews by itself:
HTTP/1.1, WebSockets, and HTTP/2 with prior knowledge (gRPC without TLS). Without a PORT it is 8080. LOCAL is the port
here, the same as PORT unless it is given; 0 stands for any free one. A suspended MicroVM wakes up with the first
request, if its idle policy says so. Ctrl-C ends it. Only programs of this machine get through, and of web pages only
those that came from localhost themselves.

Examples:
  squib connect microvm-0a1b2c3d-0000-4000-8000-000000000001
  squib connect microvm-0a1b2c3d-0000-4000-8000-000000000001 8888 9000:8080`,
  async run(args) {
    const { values, positionals } = parse(args);
    const [microvmId, ...rest] = positionals;
    if (microvmId === undefined) throw new SquibError('ID is missing.', remedy);
    const mappings = (rest.length > 0 ? rest : ['8080']).map(mapping);
    const connection = findConnection(values.config);
    const caFile = localAuthority(values.config);
    const { endpoint = '', state = '' } = await callLambda<GetMicrovmResponse>(connection, 'GetMicrovm', {
      microvmIdentifier: microvmId,
    });
    if (state === 'TERMINATING' || state === 'TERMINATED') {
      throw new SquibError(`${microvmId} is ${state}.`, 'Run a new MicroVM.');
    }
    const dial = dialOf(endpoint, connection, caFile);
    const complain = (problem: string) => console.error(`squib: ${problem}`);
    for (const { local, port } of mappings) {
      const tokens = new TokenSource(() => mint(connection, microvmId, port));
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
};

function parse(args: string[]) {
  try {
    return parseArgs({ args, options: { config: { type: 'string' } }, allowPositionals: true });
  } catch (error) {
    throw new SquibError((error as Error).message, remedy, { cause: error });
  }
}

function mapping(text: string): { local: number; port: number } {
  const [, local, port] = /^(?:(\d{1,5}):)?(\d{1,5})$/.exec(text) ?? [];
  const numbers = { local: Number(local ?? port), port: Number(port) };
  if (!(numbers.port >= 1 && numbers.port <= 65_535 && numbers.local <= 65_535)) {
    throw new SquibError(`'${text}' is not a port, nor LOCAL:PORT.`, remedy);
  }
  return numbers;
}

/** The certificate of the squib on this machine, where this user may read it; others trust it by their environment. */
function localAuthority(configFile: string | undefined): string | undefined {
  if (process.env.AWS_ENDPOINT_URL && configFile === undefined) return undefined;
  return join(dataLayout(readConfig(configFile).dataDir).keys, 'ca.pem');
}

async function mint(connection: Connection, microvmIdentifier: string, port: number): Promise<string> {
  const { authToken } = await callLambda<{ authToken: Record<string, string> }>(
    connection,
    'CreateMicrovmAuthToken',
    { microvmIdentifier, expirationInMinutes: tokenMinutes, allowedPorts: [{ port }] },
  );
  return authToken['X-aws-proxy-auth'] ?? '';
}
