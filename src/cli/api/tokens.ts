import { callLambda } from './aws.ts';
import type { Connection } from './connection.ts';

/** An auth token for one port of a MicroVM's endpoint. */
export async function mintToken(
  connection: Connection,
  microvmIdentifier: string,
  { port, minutes }: { port: number; minutes: number },
): Promise<string> {
  const { authToken } = await callLambda<{ authToken: Record<string, string> }>(
    connection,
    'CreateMicrovmAuthToken',
    { microvmIdentifier, expirationInMinutes: minutes, allowedPorts: [{ port }] },
  );
  return authToken['X-aws-proxy-auth'] ?? '';
}
