import type { Connection } from '../../src/cli/api/connection.ts';
import { readRootCredential } from '../../src/daemon/credentials.ts';
import type { TestSquib } from './squib.ts';

/** The root's way to a squib of the tests. */
export function rootConnection(squib: TestSquib): Connection {
  return {
    endpoint: `http://127.0.0.1:${squib.config.api.port}`,
    region: squib.config.region,
    ...readRootCredential(squib.layout.keys),
  };
}
