import { hash } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { parseSignature } from '../../../src/aws/sigv4/parse-signature.ts';
import { SigningKeys } from '../../../src/aws/sigv4/signing-key.ts';
import { verifySignature } from '../../../src/aws/sigv4/verify.ts';

export interface EcrStandIn {
  endpoint: string;
  /** Access keys that signed a request for a password. */
  callers: string[];
  close(): void;
}

/**
 * `GetAuthorizationToken` of Amazon ECR on loopback, signatures checked: who has one of `keys` (secrets by access key)
 * gets the password.
 */
export async function startEcr(
  region: string,
  keys: Record<string, string>,
  login: { username: string; password: string },
): Promise<EcrStandIn> {
  const callers: string[] = [];
  const server = createServer(async (request, response) => {
    const refuse = (message: string) =>
      response.writeHead(400).end(JSON.stringify({ __type: 'AccessDeniedException', message }));
    try {
      callers.push(signer(request, await text(request), region, keys));
    } catch (error) {
      return refuse((error as Error).message);
    }
    const target = request.headers['x-amz-target'];
    if (target !== 'AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken')
      return refuse(String(target));
    const authorizationToken = btoa(`${login.username}:${login.password}`);
    response.setHeader('content-type', 'application/x-amz-json-1.1');
    return response.end(JSON.stringify({ authorizationData: [{ authorizationToken, expiresAt: 1.9e9 }] }));
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    callers,
    close: () => server.close().closeAllConnections(),
  };
}

/** @returns the access key. @throws Error when the request was not signed with its secret */
function signer(
  request: IncomingMessage,
  body: string,
  region: string,
  keys: Record<string, string>,
): string {
  const signable = {
    ...{ method: request.method ?? '', path: request.url ?? '', query: '' },
    header: (name: string) => request.headers[name]?.toString(),
    headerNames: Object.keys(request.headers),
  };
  const parameters = parseSignature(signable);
  const secretAccessKey = keys[parameters?.accessKeyId ?? ''];
  if (!parameters || secretAccessKey === undefined || parameters.region !== region)
    throw new Error('unknown keys');
  verifySignature(signable, parameters, {
    credential: { accessKeyId: parameters.accessKeyId, secretAccessKey } as never,
    keys: new SigningKeys(1),
    ...{ now: Date.now(), skewSeconds: 300, service: 'ecr', payloadHash: hash('sha256', body) },
  });
  return parameters.accessKeyId;
}
