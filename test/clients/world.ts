import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  CreateMicrovmAuthTokenCommand,
  CreateMicrovmShellAuthTokenCommand,
  RunMicrovmCommand,
} from '@aws-sdk/client-lambda-microvms';
import { createImage, imageSettled, put, zip } from '../support/images.ts';
import { autoResume, until } from '../support/microvms.ts';
import { TestSquib } from '../support/squib.ts';

const modules = join(import.meta.dirname, '../../node_modules');
/** What the application needs of npm; taken from here, because builds in tests have no registry. */
const packages = ['@grpc/grpc-js', '@js-sdsl/ordered-map', 'ws'];

/** Every file below a folder, by its path in the artifact. */
function filesBelow(folder: string, into: string): [string, Buffer][] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    const to = `${into}${name}`;
    if (statSync(path).isDirectory()) return name === 'node_modules' ? [] : filesBelow(path, `${to}/`);
    return /\.(?:map|md|ts)$/.test(name) ? [] : [[to, readFileSync(path)]];
  });
}

/** A squib with MicroVMs of the application in `app/`, and what clients need to reach them. */
export interface World {
  squib: TestSquib;
  imageArn: string;
  id: string;
  /** `host:port`. */
  endpoint: string;
  /** For all ports, ten minutes. */
  token: string;
  shellToken: string;
}

export interface Launched {
  id: string;
  endpoint: string;
  token: string;
}

const connector = (name: string) =>
  `arn:aws:lambda:us-east-1:aws:network-connector:aws-network-connector:${name}`;

export async function startWorld(): Promise<World> {
  const squib = await TestSquib.start();
  try {
    const files = Object.fromEntries([
      ...filesBelow(join(import.meta.dirname, 'app'), ''),
      ...packages.flatMap((name) => filesBelow(join(modules, name), `node_modules/${name}/`)),
      ['xterm.js', readFileSync(join(modules, '@xterm/xterm/lib/xterm.js'))] as [string, Buffer],
    ]);
    const uri = await put(squib, 'clients.zip', await zip(files));
    const imageArn = await createImage(squib, 'clients', uri, {
      hooks: { port: 9000, microvmImageHooks: { ready: 'ENABLED', readyTimeoutInSeconds: 300 } },
    });
    const { state, reason } = await imageSettled(squib, imageArn);
    if (state !== 'CREATED') throw new Error(`the image is ${state}: ${reason}\n${squib.log.slice(-3000)}`);
    const launched = await launch(squib, imageArn);
    const { authToken } = await squib.clients.microvms.send(
      new CreateMicrovmShellAuthTokenCommand({ microvmIdentifier: launched.id, expirationInMinutes: 10 }),
    );
    return { squib, imageArn, ...launched, shellToken: authToken?.['X-aws-proxy-auth'] ?? '' };
  } catch (error) {
    await squib.remove();
    throw error;
  }
}

/** Runs a MicroVM that lets both applications and shells in. */
export async function launch(squib: TestSquib, imageIdentifier: string): Promise<Launched> {
  const { microvms } = squib.clients;
  const { microvmId: id = '', endpoint = '' } = await microvms.send(
    new RunMicrovmCommand({
      ...{ imageIdentifier, idlePolicy: autoResume },
      ingressNetworkConnectors: ['HTTP_INGRESS', 'SHELL_INGRESS'].map(connector),
    }),
  );
  await until(squib, id, 'RUNNING');
  const { authToken } = await microvms.send(
    new CreateMicrovmAuthTokenCommand({
      ...{ microvmIdentifier: id, expirationInMinutes: 10 },
      allowedPorts: [{ allPorts: {} }],
    }),
  );
  return { id, endpoint, token: authToken?.['X-aws-proxy-auth'] ?? '' };
}
