import type { Context } from './context.ts';

/**
 * Makes store and host agree after a start, whatever happened before: what was acknowledged is finished, what the
 * host has and nobody knows is removed. To be called once, before the API listens.
 */
export async function recover(context: Context): Promise<void> {
  const { store, host, microvms, builds, deletions, connectorWork, log } = context;
  builds.resetInterrupted();
  await microvms.recover();
  // Before any build starts: what an interrupted one left must not be taken for the new one's.
  const known = new Set([...store.microvms.alive().map(({ id }) => id), ...builds.microvmIds()]);
  await host.sweep(known, deletions.versionsWithFiles(), store.microvms.forkPoints());
  deletions.recover();
  connectorWork.recover();
  builds.wake();
  log.info('control.recovered', { microvms: store.microvms.alive().length });
}
