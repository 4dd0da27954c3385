import type { Operation } from '../context.ts';
import { microvmForToken, mint } from './mint.ts';
import { tokenPorts } from './token-ports.ts';

/**
 * CreateMicrovmAuthToken. Nobody need listen on the ports.
 * Decision P2: a token is made also where no connector lets application traffic in; the endpoint refuses it.
 */
export const createAuthToken: Operation<'CreateMicrovmAuthToken'> = (context, input, caller) => {
  const { id } = microvmForToken(context, caller, input);
  const ports = tokenPorts(input.allowedPorts);
  return mint(context, { microvmId: id, kind: 'app', ports }, input.expirationInMinutes);
};
