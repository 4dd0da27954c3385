import { ServiceError, type ServiceErrorCode } from '../../errors/service-error.ts';
import type { OperationModel, ServiceModel } from '../protocol/model.ts';
import { WireError } from '../protocol/wire-error.ts';

type ShapeNames = Record<ServiceErrorCode, string>;

/** `lambda-microvms` (spec: quotas-and-errors 2). */
const NEW_FAMILY: ShapeNames = {
  Validation: 'ValidationException',
  NotFound: 'ResourceNotFoundException',
  Conflict: 'ConflictException',
  AccessDenied: 'AccessDeniedException',
  QuotaExceeded: 'ServiceQuotaExceededException',
  Throttled: 'ThrottlingException',
  Internal: 'InternalServerException',
};

/** `lambda-core` and the tag operations: the errors of classic Lambda. */
const OLD_FAMILY: ShapeNames = {
  Validation: 'InvalidParameterValueException',
  NotFound: 'ResourceNotFoundException',
  Conflict: 'ResourceConflictException',
  AccessDenied: 'AccessDeniedException',
  QuotaExceeded: 'NetworkConnectorLimitExceededException',
  Throttled: 'TooManyRequestsException',
  Internal: 'ServiceException',
};

const STATUS: Record<string, number> = {
  AccessDeniedException: 403,
  NetworkConnectorLimitExceededException: 400,
};

function isOldFamily(operation: OperationModel): boolean {
  return operation.errors?.includes('InvalidParameterValueException') ?? false;
}

/**
 * The error shape that this operation has for what the rules found wrong, with every member that AWS sends:
 * unknown ones are null in `lambda-microvms` and absent in `lambda-core`.
 */
export function toErrorShape(
  { code, message }: ServiceError,
  model: ServiceModel,
  operation: OperationModel,
  absentAsNull: boolean,
): WireError {
  const old = isOldFamily(operation);
  const name = (old ? OLD_FAMILY : NEW_FAMILY)[code];
  const shape = model.shapes[name];
  // Classic Lambda's AccessDeniedException is in no model; its body has a capital `Message`.
  if (!shape) return new WireError(name, STATUS[name] ?? 400, message, { members: { Message: message } });
  const status = shape.error!.httpStatusCode;
  const members: Record<string, unknown> = {};
  for (const [member, ref] of Object.entries(shape.members ?? {})) {
    if (ref.location !== undefined) continue;
    if (member.toLowerCase() === 'message') members[member] = message;
    else if (member === 'Type') members.Type = status >= 500 ? 'Service' : 'User';
    else if (member === 'Reason') members.Reason = 'CallerRateLimitExceeded';
    else if (absentAsNull) members[member] = null;
  }
  return new WireError(name, status, message, { members });
}

/** For what nobody expected: the cause is in squib's log, not in the answer. */
export function internalError(
  model: ServiceModel,
  operation: OperationModel,
  absentAsNull: boolean,
  requestId: string,
): WireError {
  const error = new ServiceError(
    'Internal',
    `Internal error; squib's log tells more about request ${requestId}.`,
  );
  return toErrorShape(error, model, operation, absentAsNull);
}
