import type { AuditEvent } from '../audit/read-audit.ts';
import type { MemberRef, ServiceModel } from '../aws/protocol/model.ts';
import type { MicrovmDetail } from '../control/microvms/list-details.ts';
import type { HostDescription } from './host-description.ts';

const read = (requestUri: string, input: string | undefined, output: string) => ({
  ...{ method: 'GET', requestUri, responseCode: 200, output, readonly: true },
  ...(input !== undefined && { input }),
});

const all = (shape: string, ...names: string[]): Record<string, MemberRef> =>
  Object.fromEntries(names.map((name) => [name, { shape }]));

const inQuery = (shape: string): MemberRef => ({ shape, location: 'querystring' });

/** What the web console needs beside the operations of AWS. */
export const consoleOperations: ServiceModel['operations'] = {
  CreateConsoleLink: {
    method: 'POST',
    requestUri: '/_squib/v1/console-links',
    responseCode: 201,
    output: 'ConsoleLink',
  },
  ListMicrovmDetails: read('/_squib/v1/microvms', 'ListMicrovmDetailsRequest', 'ListMicrovmDetailsResponse'),
  DescribeHost: read('/_squib/v1/host', undefined, 'HostDescription'),
  ListAuditEvents: read('/_squib/v1/audit', 'ListAuditEventsRequest', 'ListAuditEventsResponse'),
};

export const consoleShapes: ServiceModel['shapes'] = {
  ConsoleLink: {
    type: 'structure',
    // The path holds the one-time token.
    members: { path: { shape: 'Secret' }, expiresAt: { shape: 'Moment' } },
  },

  EndedCount: { type: 'integer', min: 0, max: 1000 },
  ListMicrovmDetailsRequest: { type: 'structure', members: { ended: inQuery('EndedCount') } },
  MicrovmDetail: {
    type: 'structure',
    members: {
      ...all('Text', 'microvmId', 'state', 'stateReason', 'endpoint', 'imageArn', 'imageVersion'),
      ...all('Moment', 'stateSince', 'startedAt', 'terminatedAt'),
    },
  },
  MicrovmDetailList: { type: 'list', member: { shape: 'MicrovmDetail' } },
  ListMicrovmDetailsResponse: { type: 'structure', members: all('MicrovmDetailList', 'items') },

  Disk: {
    type: 'structure',
    members: { ...all('Text', 'path', 'use'), ...all('Bytes', 'bytes', 'availableBytes') },
  },
  DiskList: { type: 'list', member: { shape: 'Disk' } },
  Quota: { type: 'structure', members: { ...all('Text', 'name'), ...all('Count', 'used', 'limit') } },
  QuotaList: { type: 'list', member: { shape: 'Quota' } },
  TextMap: { type: 'map', key: { shape: 'Text' }, value: { shape: 'Text' } },
  HostDescription: {
    type: 'structure',
    members: {
      ...all('Text', 'version', 'engine', 'hostname'),
      ...all('Moment', 'startedAt'),
      ...all('Count', 'cpus'),
      ...all('Seconds', 'load'),
      ...all('Bytes', 'memoryBytes', 'availableMemoryBytes'),
      ...all('DiskList', 'disks'),
      ...all('QuotaList', 'quotas'),
      ...all('TextMap', 'settings'),
    },
  },

  AuditFilter: { type: 'string', max: 200 },
  AuditToken: { type: 'string', pattern: '\\d{1,20}:\\d{1,15}' },
  ListAuditEventsRequest: {
    type: 'structure',
    members: {
      filter: inQuery('AuditFilter'),
      includeReads: inQuery('Flag'),
      maxResults: inQuery('MaxResults'),
      nextToken: inQuery('AuditToken'),
    },
  },
  AuditEvent: {
    type: 'structure',
    members: {
      ...all('Text', 'eventId', 'eventName', 'eventSource', 'principal', 'sourceIpAddress', 'errorCode'),
      ...all('Text', 'errorMessage', 'record'),
      ...all('Flag', 'readOnly'),
      ...all('Moment', 'eventTime'),
    },
  },
  AuditEventList: { type: 'list', member: { shape: 'AuditEvent' } },
  ListAuditEventsResponse: {
    type: 'structure',
    members: { ...all('AuditEventList', 'items'), ...all('AuditToken', 'nextToken') },
  },
};

/** Input and output of each of them. */
export interface ConsoleOperations {
  /** `path` is below the API's address. */
  CreateConsoleLink: { input: object; output: { path: string; expiresAt: Date } };
  /** All MicroVMs that have not ended and the given number (100) of those that ended last, newest first. */
  ListMicrovmDetails: { input: { ended?: number }; output: { items: MicrovmDetail[] } };
  DescribeHost: { input: object; output: HostDescription };
  /** Newest first. `filter`: a text that the record holds, whatever its case. Calls that only read are left out. */
  ListAuditEvents: {
    input: { filter?: string; includeReads?: boolean; maxResults?: number; nextToken?: string };
    output: { items: AuditEvent[]; nextToken?: string | undefined };
  };
}
