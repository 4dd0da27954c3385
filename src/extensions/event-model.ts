import type { Readable } from 'node:stream';
import type { ServiceModel, Shape } from '../aws/protocol/model.ts';
import type { StateChangeDetail, StateChangeEvent } from '../control/events/event.ts';

const detailMembers: (keyof StateChangeDetail)[] = [
  ...(['microvmId', 'imageArn', 'imageVersion', 'buildId', 'connectorArn', 'connectorId'] as const),
  ...(['state', 'previousState', 'status', 'previousStatus', 'reason'] as const),
];

/** The part of {@link squibModel} that is about events. */
export const eventOperations: ServiceModel['operations'] = {
  ListEvents: {
    method: 'GET',
    requestUri: '/_squib/v1/events',
    responseCode: 200,
    input: 'ListEventsRequest',
    output: 'ListEventsResponse',
    readonly: true,
  },
  StreamEvents: {
    method: 'GET',
    requestUri: '/_squib/v1/events/stream',
    responseCode: 200,
    input: 'StreamEventsRequest',
    streams: 'text/event-stream',
    readonly: true,
  },
};

export const eventShapes: ServiceModel['shapes'] = {
  ResourceIdentifier: { type: 'string', min: 1, max: 256 },
  MaxResults: { type: 'integer', min: 1, max: 50 },
  NextToken: { type: 'string', max: 1024 },
  EventId: { type: 'string', pattern: '\\d{1,15}' },
  ListEventsRequest: {
    type: 'structure',
    members: {
      resource: { shape: 'ResourceIdentifier', location: 'querystring' },
      maxResults: { shape: 'MaxResults', location: 'querystring' },
      nextToken: { shape: 'NextToken', location: 'querystring' },
    },
  },
  StreamEventsRequest: {
    type: 'structure',
    members: {
      resource: { shape: 'ResourceIdentifier', location: 'querystring' },
      since: { shape: 'EventId', location: 'querystring' },
      // Sent by browsers that connect again; newer than `since` then.
      lastEventId: { shape: 'EventId', location: 'header', locationName: 'Last-Event-ID' },
    },
  },
  ArnList: { type: 'list', member: { shape: 'Text' } },
  EventDetail: { type: 'structure', members: texts(...detailMembers) },
  Event: {
    type: 'structure',
    members: {
      ...texts('version', 'id', 'detail-type', 'source', 'account', 'time', 'region'),
      resources: { shape: 'ArnList' },
      detail: { shape: 'EventDetail' },
    },
  },
  EventList: { type: 'list', member: { shape: 'Event' } },
  ListEventsResponse: {
    type: 'structure',
    members: { items: { shape: 'EventList' }, nextToken: { shape: 'NextToken' } },
  },
};

function texts(...names: string[]): NonNullable<Shape['members']> {
  return Object.fromEntries(names.map((name) => [name, { shape: 'Text' }]));
}

export interface EventOperations {
  ListEvents: {
    input: { resource?: string; maxResults?: number; nextToken?: string };
    output: { items: StateChangeEvent[]; nextToken?: string | undefined };
  };
  StreamEvents: {
    input: { resource?: string; since?: string; lastEventId?: string };
    output: { stream: Readable };
  };
}
