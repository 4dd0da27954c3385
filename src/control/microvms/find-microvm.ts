import type { Caller } from '../../aws/caller.ts';
import type { MicrovmRow } from '../../store/microvms.ts';
import type { Store } from '../../store/store.ts';
import { microvmNotFound } from '../errors.ts';

/** The caller's MicroVM, ended or not (Decision C14: ended ones stay). @throws ServiceError 404 */
export function findMicrovm(store: Store, caller: Caller, id: string): MicrovmRow {
  const microvm = store.microvms.get(id);
  if (microvm?.account !== caller.accountId || microvm.region !== caller.region) throw microvmNotFound(id);
  return microvm;
}
