import type { Caller } from './caller.ts';

/** One call, as the audit log wants to know it. Holds no secrets: sensitive members are left out of `input`. */
export interface AuditRecord {
  /** Epoch milliseconds. */
  time: number;
  requestId: string;
  /** As CloudTrail's `eventSource` begins: `lambda`, `s3`, `sts`. */
  service: string;
  /** Name of the operation, or `Unknown`. */
  operation: string;
  readOnly: boolean;
  /** Undefined when nobody was authenticated. */
  caller?: Caller;
  /** The call came from the web console, with a session instead of a signature. */
  fromConsole?: boolean;
  input: Record<string, unknown>;
  /** The answer of a call that changed something, without sensitive members. */
  output?: Record<string, unknown>;
  /** HTTP status of the answer. */
  status: number;
  errorCode?: string;
  errorMessage?: string;
  sourceAddress: string;
  userAgent: string;
}

export type Audit = (record: AuditRecord) => void;
