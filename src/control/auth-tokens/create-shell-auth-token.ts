import type { Operation } from '../context.ts';
import { allIngressMixed, shellNotConnected } from '../errors.ts';
import { managedConnectorName } from '../managed-connectors.ts';
import { microvmForToken, mint } from './mint.ts';

/** CreateMicrovmShellAuthToken: only with SHELL_INGRESS; ALL_INGRESS does not hold it (spec: shell section 1). */
export const createShellAuthToken: Operation<'CreateMicrovmShellAuthToken'> = (context, input, caller) => {
  const microvm = microvmForToken(context, caller, input);
  const names = (JSON.parse(microvm.ingress) as string[]).map(managedConnectorName);
  if (!names.includes('SHELL_INGRESS')) throw shellNotConnected();
  if (names.includes('ALL_INGRESS')) throw allIngressMixed();
  return mint(context, { microvmId: microvm.id, kind: 'shell', ports: [] }, input.expirationInMinutes);
};
