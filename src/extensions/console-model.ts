import type { ServiceModel } from '../aws/protocol/model.ts';

/** What the web console needs beside the operations that everybody has. */
export const consoleOperations: ServiceModel['operations'] = {
  CreateConsoleLink: {
    method: 'POST',
    requestUri: '/_squib/v1/console-links',
    responseCode: 201,
    output: 'ConsoleLink',
  },
};

export const consoleShapes: ServiceModel['shapes'] = {
  ConsoleLink: {
    type: 'structure',
    // The path holds the one-time token.
    members: { path: { shape: 'Secret' }, expiresAt: { shape: 'Moment' } },
  },
};

/** Input and output of each of them. */
export interface ConsoleOperations {
  /** `path` is below the API's address. */
  CreateConsoleLink: { input: object; output: { path: string; expiresAt: Date } };
}
