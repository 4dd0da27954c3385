import type { Caller } from '../../aws/caller.ts';
import type { Context } from '../context.ts';
import { microvmBusy, microvmEnded } from '../errors.ts';
import { nextMicrovmState } from '../microvm-state.ts';
import { findMicrovm } from './find-microvm.ts';

/**
 * Tells a MicroVM what a caller wants. The wish is recorded when this returns; it is carried out afterwards.
 * @throws ServiceError 404 unknown, 400 terminated, 409 when something else is under way.
 */
export function ask(
  context: Context,
  caller: Caller,
  microvmId: string,
  event: 'suspend' | 'resume' | 'terminate',
  operation: string,
): void {
  const microvm = findMicrovm(context.store, caller, microvmId);
  const actor = context.microvms.actor(microvmId);
  const outcome =
    actor?.tell(event, `${operation} was called by ${caller.arn}.`) ?? nextMicrovmState(microvm.state, event);
  if (outcome.kind !== 'refuse') return;
  throw outcome.because === 'terminated' ? microvmEnded(microvmId) : microvmBusy(microvmId, microvm.state);
}
