/** A service model in the trimmed form of `src/aws/models/*.json` (made by `scripts/trim-model.ts`). */
export interface ServiceModel {
  metadata: { apiVersion: string; protocol: string; serviceId: string; signingName: string };
  operations: Record<string, OperationModel>;
  shapes: Record<string, Shape>;
}

export interface OperationModel {
  method: string;
  /** Path with `{Member}` placeholders. */
  requestUri: string;
  responseCode: number;
  input?: string;
  output?: string;
  errors?: string[];
  idempotent?: boolean;
  readonly?: boolean;
  /** The body is the handler's to read, as `body` of type `Readable`; its hash is no part of the signature. */
  takesStream?: boolean;
  /** A WebSocket handshake; the handler gives what takes the connection over, as `accept`. */
  upgrades?: boolean;
  /** Content type of an answer that is a stream; the handler gives it as `stream`, of type `Readable`. */
  streams?: string;
  paginator?: { input_token: string; output_token: string; limit_key: string; result_key: string };
}

export interface Shape {
  type:
    | 'structure'
    | 'list'
    | 'map'
    | 'string'
    | 'integer'
    | 'long'
    | 'float'
    | 'double'
    | 'boolean'
    | 'timestamp'
    | 'blob';
  members?: Record<string, MemberRef>;
  required?: string[];
  member?: MemberRef;
  key?: MemberRef;
  value?: MemberRef;
  enum?: string[];
  pattern?: string;
  min?: number;
  max?: number;
  union?: boolean;
  sensitive?: boolean;
  exception?: boolean;
  error?: { httpStatusCode: number };
  timestampFormat?: 'iso8601' | 'unixTimestamp' | 'rfc822';
}

export interface MemberRef {
  shape: string;
  location?: 'uri' | 'querystring' | 'header' | 'headers' | 'statusCode';
  locationName?: string;
  idempotencyToken?: boolean;
  sensitive?: boolean;
}
