import type { Caller } from '../../aws/caller.ts';
import type { MicrovmRow } from '../../store/microvms.ts';
import { versionName } from '../arns.ts';
import type { Context } from '../context.ts';
import { microvmEnded } from '../errors.ts';
import type { MicrovmUsage } from '../host.ts';
import { apiMicrovmState } from '../microvm-state.ts';
import { findMicrovm } from './find-microvm.ts';

/** A MicroVM with what it uses of its host. */
export interface MicrovmUsageView extends MicrovmUsage {
  microvmId: string;
  imageArn: string;
  imageVersion: string;
  /** As the API shows it. */
  state: string;
}

/** squib's own: what one MicroVM uses. @throws ServiceError 404 unknown, 400 terminated */
export async function getMicrovmUsage(
  context: Context,
  microvmId: string,
  caller: Caller,
): Promise<MicrovmUsageView> {
  const microvm = findMicrovm(context.store, caller, microvmId);
  const usage = await context.host.usage(microvmId, { dirty: true });
  if (usage === undefined && microvm.state === 'TERMINATED') throw microvmEnded(microvmId);
  return view(microvm, usage ?? nothing);
}

/** squib's own: what each MicroVM that has not ended uses, newest first; without dirty memory, which takes longest. */
export async function listMicrovmUsage(context: Context, caller: Caller): Promise<MicrovmUsageView[]> {
  const rows = context.store.microvms
    .alive()
    .filter(({ account, region }) => account === caller.accountId && region === caller.region)
    .sort((a, b) => b.seq - a.seq);
  return Promise.all(rows.map(async (row) => view(row, (await context.host.usage(row.id)) ?? nothing)));
}

/** Of a MicroVM that has no machine yet. */
const nothing: MicrovmUsage = {
  ...{
    cpuSeconds: 0,
    endpointReceivedBytes: 0,
    endpointSentBytes: 0,
    egressReceivedBytes: 0,
    egressSentBytes: 0,
  },
  ...{ residentBytes: 0, ownBytes: 0, diskBytes: 0 },
};

function view(microvm: MicrovmRow, usage: MicrovmUsage): MicrovmUsageView {
  const { id: microvmId, imageArn, number } = microvm;
  return {
    ...{ microvmId, imageArn, imageVersion: versionName(number), state: apiMicrovmState(microvm.state) },
    ...usage,
  };
}
