import type { Caller } from '../../aws/caller.ts';
import type { MicrovmRow } from '../../store/microvms.ts';
import type { Context } from '../context.ts';
import { microvmView } from './microvm-view.ts';

/** A MicroVM as overviews want it: with its reason and the moment of its state, which AWS's lists leave out. */
export interface MicrovmDetail {
  microvmId: string;
  state: string;
  stateReason?: string | undefined;
  stateSince: Date;
  endpoint: string;
  imageArn: string;
  imageVersion: string;
  startedAt: Date;
  terminatedAt?: Date | undefined;
}

type Parts = Pick<Context, 'store'> & { config: Pick<Context['config'], 'endpoint'> };

/**
 * squib's own: every MicroVM that has not ended and the last that did, newest first.
 * @param ended how many of the latter
 */
export function listMicrovmDetails(
  { store, config }: Parts,
  ended: number,
  caller: Pick<Caller, 'accountId' | 'region'>,
): MicrovmDetail[] {
  const { accountId, region } = caller;
  const alive = store.microvms.alive().filter((row) => row.account === accountId && row.region === region);
  const rows = [...alive, ...store.microvms.ended(accountId, region, ended)];
  return rows.sort((a, b) => b.seq - a.seq).map((row) => detail(row, config));
}

function detail(row: MicrovmRow, config: Parts['config']): MicrovmDetail {
  const { microvmId, state, stateReason, endpoint, imageArn, imageVersion, startedAt, terminatedAt } =
    microvmView(row, config);
  return {
    ...{ microvmId, state, stateReason, endpoint, imageArn, imageVersion, startedAt, terminatedAt },
    stateSince: new Date(row.stateSince),
  };
}
