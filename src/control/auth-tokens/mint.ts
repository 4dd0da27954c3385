import type { Caller } from '../../aws/caller.ts';
import type { MicrovmRow } from '../../store/microvms.ts';
import type { Context } from '../context.ts';
import { expirationTooLong, microvmEnded } from '../errors.ts';
import { findMicrovm } from '../microvms/find-microvm.ts';
import type { TokenPorts } from '../tokens.ts';

export const longestMinutes = 60;

/** The part of the answer's map that clients send back, and the header they send it in. */
const carrier = 'X-aws-proxy-auth';

/**
 * The MicroVM that a token may be made for: in every state but the last two, PENDING and SUSPENDED included.
 * Decision C16: a token for a MicroVM that ends or has ended is refused like a change of its state.
 */
export function microvmForToken(
  context: Context,
  caller: Caller,
  request: { microvmIdentifier: string; expirationInMinutes: number },
): MicrovmRow {
  const { microvmIdentifier, expirationInMinutes } = request;
  if (expirationInMinutes > longestMinutes) throw expirationTooLong(expirationInMinutes, longestMinutes);
  const microvm = findMicrovm(context.store, caller, microvmIdentifier);
  if (microvm.state === 'TERMINATING' || microvm.state === 'TERMINATED') throw microvmEnded(microvm.id);
  return microvm;
}

/** Seals the token. */
export async function mint(
  { tokens, clock }: Context,
  grant: { microvmId: string; kind: 'app' | 'shell'; ports: TokenPorts },
  minutes: number,
): Promise<{ authToken: Record<string, string> }> {
  const token = await tokens.issue({ ...grant, expiresAt: clock.now() + minutes * 60_000 });
  return { authToken: { [carrier]: token } };
}
