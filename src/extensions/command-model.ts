import type { Readable } from 'node:stream';
import type { ServiceModel } from '../aws/protocol/model.ts';
import type { AcceptUpgrade } from '../aws/service.ts';

/** Commands and files in MicroVMs. */
export const commandOperations: ServiceModel['operations'] = {
  ExecMicrovm: {
    method: 'GET',
    requestUri: '/_squib/v1/microvms/{microvmIdentifier}/exec',
    responseCode: 101,
    input: 'MicrovmRequest',
    upgrades: true,
  },
  GetMicrovmFiles: {
    method: 'GET',
    requestUri: '/_squib/v1/microvms/{microvmIdentifier}/files',
    responseCode: 200,
    input: 'MicrovmFilesRequest',
    streams: 'application/x-tar',
    readonly: true,
  },
  PutMicrovmFiles: {
    method: 'PUT',
    requestUri: '/_squib/v1/microvms/{microvmIdentifier}/files',
    responseCode: 200,
    input: 'MicrovmFilesRequest',
    output: 'PutMicrovmFilesResponse',
    takesStream: true,
  },
};

export const commandShapes: ServiceModel['shapes'] = {
  // Absolute; of Linux's longest length.
  ContainerPath: { type: 'string', min: 1, max: 4095, pattern: '/[^\\x00]*' },
  MicrovmFilesRequest: {
    type: 'structure',
    required: ['microvmIdentifier', 'path'],
    members: {
      microvmIdentifier: { shape: 'MicrovmIdentifier', location: 'uri', locationName: 'microvmIdentifier' },
      path: { shape: 'ContainerPath', location: 'querystring' },
    },
  },
  PutMicrovmFilesResponse: { type: 'structure', members: {} },
};

export interface CommandOperations {
  ExecMicrovm: { input: { microvmIdentifier: string }; output: { accept: AcceptUpgrade } };
  GetMicrovmFiles: { input: { microvmIdentifier: string; path: string }; output: { stream: Readable } };
  /** `body` is the request's body, a tar stream; it is no member on the wire. */
  PutMicrovmFiles: { input: { microvmIdentifier: string; path: string; body?: Readable }; output: object };
}
