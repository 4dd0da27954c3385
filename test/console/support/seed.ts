// Records MicroVMs behind the daemon's back: a thousand machines would not fit, and lists do not ask them.

import type { MicrovmState } from '../../../src/store/states.ts';
import { openStore } from '../../../src/store/store.ts';
import type { TestSquib } from '../../support/squib.ts';

const states: [state: MicrovmState, reason: string | null][] = [
  ...Array.from({ length: 6 }, (): [MicrovmState, null] => ['RUNNING', null]),
  ...Array.from({ length: 12 }, (): [MicrovmState, null] => ['SUSPENDED', null]),
  ['TERMINATED', 'Container Stopped with Exit Code: 137'],
  ['TERMINATED', 'Success.'],
];

/** @returns ids, oldest first */
export function seedMicrovms({ layout, config }: TestSquib, count: number): string[] {
  const store = openStore(layout.database);
  const { region, accountId: account } = config;
  const managed = (name: string) =>
    JSON.stringify([`arn:aws:lambda:${region}:aws:network-connector:aws-network-connector:${name}`]);
  const now = Date.now();
  const ids: string[] = [];
  store.transaction(() => {
    for (let i = 0; i < count; i++) {
      const [state, stateReason] = states[i % states.length] ?? ['RUNNING', null];
      const imageName = ['agent-sandbox', 'code-runner', 'notebook', 'preview'][i % 4] ?? '';
      const id = `microvm-${crypto.randomUUID()}`;
      const startedAt = now - (count - i) * 97_000;
      store.microvms.insert({
        ...{ id, endpointId: crypto.randomUUID(), account, region, imageId: imageName, imageName },
        imageArn: `arn:aws:lambda:${region}:${account}:microvm-image:${imageName}`,
        ...{ number: 1 + (i % 3), memoryMiB: 512, state, stateReason, stateSince: startedAt + 60_000 },
        ...{ executionRoleArn: null, maxIdleSeconds: 600, suspendedSeconds: 3600, autoResume: 1 },
        ...{ maximumDurationSeconds: 28_800, runHookPayload: null, settings: '{}', startedAt },
        ...{ ingress: managed('HTTP_INGRESS'), egress: managed('INTERNET_EGRESS') },
        terminatedAt: state === 'TERMINATED' ? startedAt + 60_000 : null,
      });
      ids.push(id);
    }
  });
  store.close();
  return ids;
}
