import { dirname, join } from 'node:path';
import { Builds } from './builds.ts';
import { ClientTokens } from './client-tokens.ts';
import { Connectors } from './connectors.ts';

import { Credentials } from './credentials.ts';
import { openDatabase } from './database.ts';
import { Documents } from './documents.ts';
import { Images } from './images.ts';
import { Microvms } from './microvms.ts';
import type { Parameter } from './parameter-records.ts';
import type { ManagedPolicy, Role } from './role-records.ts';
import { openSealer, SealedText } from './sealer.ts';
import { Sessions } from './sessions.ts';
import { StackEvents } from './stack-events.ts';
import type { ChangeSet, Stack } from './stack-records.ts';
import { Tags } from './tags.ts';
import { Transitions } from './transitions.ts';
import { Versions } from './versions.ts';

/** What counts as activity besides the endpoint; see `control/activity`. */
export interface ActivityPolicyRecord {
  cpuPercent: number;
  egressBytesPerSecond: number;
}

/** Durable state: one small repository per noun. Everything is synchronous; a change is on disk when a call returns. */
export interface Store {
  readonly images: Images;
  readonly versions: Versions;
  readonly builds: Builds;
  readonly microvms: Microvms;
  readonly connectors: Connectors;
  readonly tags: Tags;
  readonly clientTokens: ClientTokens;
  readonly transitions: Transitions;
  readonly credentials: Credentials;
  readonly roles: Documents<Role>;
  readonly managedPolicies: Documents<ManagedPolicy>;
  readonly sessions: Sessions;
  readonly stacks: Documents<Stack>;
  readonly changeSets: Documents<ChangeSet>;
  readonly stackEvents: StackEvents;
  readonly parameters: Documents<Parameter>;
  /** By MicroVM id or image ARN. */
  readonly activityPolicies: Documents<ActivityPolicyRecord>;
  /** Runs `work` as one commit, or not at all when it throws. Inside another one it joins that. */
  transaction<T>(work: () => T): T;
  close(): void;
}

/**
 * Opens (and if needed makes or upgrades) the database file. What tenants may keep secret in it (settings of versions,
 * payloads, stacks, kept answers) is sealed with the key in `keys/` beside it.
 */
export function openStore(file: string): Store {
  const db = openDatabase(file);
  const sealer = openSealer(join(dirname(file), 'keys'));
  return {
    images: new Images(db),
    versions: new Versions(db, new SealedText(sealer, 'version')),
    builds: new Builds(db),
    microvms: new Microvms(db, new SealedText(sealer, 'payload')),
    connectors: new Connectors(db),
    tags: new Tags(db),
    clientTokens: new ClientTokens(db, new SealedText(sealer, 'answer')),
    transitions: new Transitions(db),
    credentials: new Credentials(db),
    roles: new Documents(db, 'roles'),
    managedPolicies: new Documents(db, 'managedPolicies'),
    sessions: new Sessions(db),
    stacks: new Documents(db, 'stacks', new SealedText(sealer, 'stack')),
    changeSets: new Documents(db, 'changeSets', new SealedText(sealer, 'change set')),
    stackEvents: new StackEvents(db),
    parameters: new Documents(db, 'parameters'),
    activityPolicies: new Documents(db, 'activityPolicies'),
    transaction(work) {
      if (db.isTransaction) return work();
      db.exec('BEGIN IMMEDIATE');
      try {
        const result = work();
        db.exec('COMMIT');
        return result;
      } catch (error) {
        if (db.isTransaction) db.exec('ROLLBACK');
        throw error;
      }
    },
    close: () => db.close(),
  };
}
