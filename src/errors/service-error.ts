/**
 * What went wrong with a request, independent of any wire format.
 * Each front door maps a code to the error shape and status of its own service.
 */
export type ServiceErrorCode =
  | 'Validation'
  | 'NotFound'
  | 'Conflict'
  | 'AccessDenied'
  | 'QuotaExceeded'
  | 'Throttled'
  | 'Internal';

/** Thrown by the rules; `message` is the text that AWS shows (spec: quotas-and-errors section 3). */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly code: ServiceErrorCode;
  constructor(code: ServiceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
