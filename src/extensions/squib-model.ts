import type { Handlers } from '../aws/handlers.ts';
import type { ServiceModel, Shape } from '../aws/protocol/model.ts';
import type { MicrovmUsageView } from '../control/microvms/microvm-usage.ts';
import { type ActivityOperations, activityOperations, activityShapes } from './activity-model.ts';
import { type CommandOperations, commandOperations, commandShapes } from './command-model.ts';
import { type ConsoleOperations, consoleOperations, consoleShapes } from './console-model.ts';
import { type EventOperations, eventOperations, eventShapes } from './event-model.ts';

/**
 * squib's own API beside AWS's, in the form of an AWS service model: so routing, checks, error shapes and redaction are
 * the same code. Signed with Signature V4 for the service `squib`.
 */
export const squibModel: ServiceModel = {
  metadata: { apiVersion: 'v1', protocol: 'rest-json', serviceId: 'Squib', signingName: 'squib' },
  operations: {
    CreateCredential: {
      method: 'POST',
      requestUri: '/_squib/v1/credentials',
      responseCode: 201,
      input: 'CreateCredentialRequest',
      output: 'CreatedCredential',
    },
    ListCredentials: {
      method: 'GET',
      requestUri: '/_squib/v1/credentials',
      responseCode: 200,
      output: 'ListCredentialsResponse',
      readonly: true,
    },
    GetCredential: {
      method: 'GET',
      requestUri: '/_squib/v1/credentials/{userName}',
      responseCode: 200,
      input: 'UserNameRequest',
      output: 'Credential',
      readonly: true,
    },
    UpdateCredential: {
      method: 'PATCH',
      requestUri: '/_squib/v1/credentials/{userName}',
      responseCode: 200,
      input: 'UpdateCredentialRequest',
      output: 'Credential',
    },
    DeleteCredential: {
      method: 'DELETE',
      requestUri: '/_squib/v1/credentials/{userName}',
      responseCode: 204,
      input: 'UserNameRequest',
    },
    ForkMicrovm: {
      method: 'POST',
      requestUri: '/_squib/v1/microvms/{microvmIdentifier}/fork',
      responseCode: 201,
      input: 'ForkMicrovmRequest',
      output: 'ForkMicrovmResponse',
    },
    GetMicrovmUsage: {
      method: 'GET',
      requestUri: '/_squib/v1/microvms/{microvmIdentifier}/usage',
      responseCode: 200,
      input: 'MicrovmRequest',
      output: 'MicrovmUsage',
      readonly: true,
    },
    ListMicrovmUsage: {
      method: 'GET',
      requestUri: '/_squib/v1/usage',
      responseCode: 200,
      output: 'ListMicrovmUsageResponse',
      readonly: true,
    },
    CreateBrowserLink: {
      method: 'POST',
      requestUri: '/_squib/v1/microvms/{microvmIdentifier}/browser-link',
      responseCode: 201,
      input: 'CreateBrowserLinkRequest',
      output: 'CreateBrowserLinkResponse',
    },
    ...eventOperations,
    ...activityOperations,
    ...commandOperations,
    ...consoleOperations,
  },
  shapes: {
    // IAM's form of user names.
    UserName: { type: 'string', min: 1, max: 64, pattern: '[\\w+=,.@-]+' },
    Text: { type: 'string' },
    PolicyDocument: { type: 'string', min: 1, max: 131_072 },
    Secret: { type: 'string', sensitive: true },
    Flag: { type: 'boolean' },
    Moment: { type: 'timestamp', timestampFormat: 'iso8601' },
    CreateCredentialRequest: {
      type: 'structure',
      required: ['userName', 'policyDocument'],
      members: {
        userName: { shape: 'UserName' },
        policyDocument: { shape: 'PolicyDocument' },
        expiresAt: { shape: 'Moment' },
      },
    },
    UserNameRequest: userNameIn({}),
    UpdateCredentialRequest: userNameIn({
      policyDocument: { shape: 'PolicyDocument' },
      enabled: { shape: 'Flag' },
      expiresAt: { shape: 'Moment' },
    }),
    Credential: credential({}),
    CreatedCredential: credential({ secretAccessKey: { shape: 'Secret' } }),
    MicrovmIdentifier: { type: 'string', min: 1, max: 128 },
    ForkCount: { type: 'integer', min: 1, max: 100 },
    // As RunMicrovm takes it.
    RunHookPayload: { type: 'string', max: 4096, sensitive: true },
    ForkMicrovmRequest: {
      type: 'structure',
      required: ['microvmIdentifier'],
      members: {
        microvmIdentifier: { shape: 'MicrovmIdentifier', location: 'uri', locationName: 'microvmIdentifier' },
        count: { shape: 'ForkCount' },
        runHookPayload: { shape: 'RunHookPayload' },
      },
    },
    MicrovmRequest: {
      type: 'structure',
      required: ['microvmIdentifier'],
      members: {
        microvmIdentifier: { shape: 'MicrovmIdentifier', location: 'uri', locationName: 'microvmIdentifier' },
      },
    },
    Seconds: { type: 'double' },
    Count: { type: 'integer' },
    Bytes: { type: 'long' },
    MicrovmUsage: {
      type: 'structure',
      members: {
        ...{ microvmId: { shape: 'Text' }, imageArn: { shape: 'Text' }, imageVersion: { shape: 'Text' } },
        ...{ state: { shape: 'Text' }, vcpus: { shape: 'Count' }, cpuSeconds: { shape: 'Seconds' } },
        ...{
          memoryBytes: { shape: 'Bytes' },
          residentBytes: { shape: 'Bytes' },
          ownBytes: { shape: 'Bytes' },
        },
        ...{ dirtyBytes: { shape: 'Bytes' }, diskBytes: { shape: 'Bytes' } },
        ...{ endpointReceivedBytes: { shape: 'Bytes' }, endpointSentBytes: { shape: 'Bytes' } },
        ...{ egressReceivedBytes: { shape: 'Bytes' }, egressSentBytes: { shape: 'Bytes' } },
      },
    },
    MicrovmUsageList: { type: 'list', member: { shape: 'MicrovmUsage' } },
    ListMicrovmUsageResponse: { type: 'structure', members: { items: { shape: 'MicrovmUsageList' } } },
    ForkedMicrovm: {
      type: 'structure',
      members: { microvmId: { shape: 'Text' }, state: { shape: 'Text' }, endpoint: { shape: 'Text' } },
    },
    ForkedMicrovmList: { type: 'list', member: { shape: 'ForkedMicrovm' } },
    ForkMicrovmResponse: { type: 'structure', members: { items: { shape: 'ForkedMicrovmList' } } },
    // As CreateMicrovmAuthToken takes them.
    Port: { type: 'integer', min: 1, max: 65_535 },
    Minutes: { type: 'integer', min: 1, max: 60 },
    // Browsers take a second slash, forward or backward, for another host.
    PathOnEndpoint: { type: 'string', min: 1, max: 2048, pattern: '/(?:[!-.0-\\[\\]-~][!-~]*)?' },
    CreateBrowserLinkRequest: {
      type: 'structure',
      required: ['microvmIdentifier'],
      members: {
        microvmIdentifier: { shape: 'MicrovmIdentifier', location: 'uri', locationName: 'microvmIdentifier' },
        port: { shape: 'Port' },
        path: { shape: 'PathOnEndpoint' },
        expirationInMinutes: { shape: 'Minutes' },
      },
    },
    CreateBrowserLinkResponse: {
      type: 'structure',
      members: {
        url: { shape: 'Secret' },
        openBy: { shape: 'Moment' },
        expiresAt: { shape: 'Moment' },
      },
    },
    ...eventShapes,
    ...activityShapes,
    ...commandShapes,
    ...consoleShapes,
    CredentialList: { type: 'list', member: { shape: 'Credential' } },
    ValidationException: exception(400),
    AccessDeniedException: exception(403),
    ResourceNotFoundException: exception(404),
    ConflictException: exception(409),
    InternalServerException: exception(500),
    ListCredentialsResponse: { type: 'structure', members: { items: { shape: 'CredentialList' } } },
  },
};

function userNameIn(members: NonNullable<Shape['members']>): Shape {
  const userName = { shape: 'UserName', location: 'uri', locationName: 'userName' } as const;
  return { type: 'structure', required: ['userName'], members: { userName, ...members } };
}

function credential(members: NonNullable<Shape['members']>): Shape {
  return {
    type: 'structure',
    members: {
      userName: { shape: 'UserName' },
      accessKeyId: { shape: 'Text' },
      arn: { shape: 'Text' },
      policyDocument: { shape: 'PolicyDocument' },
      enabled: { shape: 'Flag' },
      createdAt: { shape: 'Moment' },
      expiresAt: { shape: 'Moment' },
      ...members,
    },
  };
}

function exception(httpStatusCode: number): Shape {
  const members = { message: { shape: 'Text' } };
  return { type: 'structure', exception: true, error: { httpStatusCode }, members };
}

export interface CredentialDescription {
  userName: string;
  accessKeyId: string;
  arn: string;
  policyDocument: string;
  enabled: boolean;
  createdAt: Date;
  expiresAt?: Date | undefined;
}

/** Input and output of each operation of {@link squibModel}. */
export interface SquibOperations
  extends CommandOperations,
    EventOperations,
    ConsoleOperations,
    ActivityOperations {
  CreateCredential: {
    input: { userName: string; policyDocument: string; expiresAt?: Date };
    output: CredentialDescription & { secretAccessKey: string };
  };
  ListCredentials: { input: object; output: { items: CredentialDescription[] } };
  GetCredential: { input: { userName: string }; output: CredentialDescription };
  UpdateCredential: {
    input: { userName: string; policyDocument?: string; enabled?: boolean; expiresAt?: Date };
    output: CredentialDescription;
  };
  DeleteCredential: { input: { userName: string }; output: object };
  ForkMicrovm: {
    input: { microvmIdentifier: string; count?: number; runHookPayload?: string };
    output: { items: { microvmId: string; state: string; endpoint: string }[] };
  };
  GetMicrovmUsage: { input: { microvmIdentifier: string }; output: MicrovmUsageView };
  ListMicrovmUsage: { input: object; output: { items: MicrovmUsageView[] } };
  CreateBrowserLink: {
    input: { microvmIdentifier: string; port?: number; path?: string; expirationInMinutes?: number };
    /** The link must be opened by `openBy`; the browser may go on until `expiresAt`. */
    output: { url: string; openBy: Date; expiresAt: Date };
  };
}

export type SquibHandlers = Handlers<SquibOperations>;
export type MicrovmHandlers = Pick<
  SquibHandlers,
  'ForkMicrovm' | 'GetMicrovmUsage' | 'ListMicrovmUsage' | 'CreateBrowserLink'
>;
export type CredentialHandlers = Omit<
  SquibHandlers,
  | keyof MicrovmHandlers
  | keyof EventOperations
  | keyof CommandOperations
  | keyof ConsoleOperations
  | keyof ActivityOperations
>;
