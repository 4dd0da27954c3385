import { ServiceError } from '../errors/service-error.ts';

/**
 * Every refusal of the rules, named after its situation. Texts that AWS was seen to send are AWS's
 * (spec: quotas-and-errors section 3); the others are ours and listed in docs/compatibility.md.
 */
const invalid = (message: string) => new ServiceError('Validation', message);
const missing = (message: string) => new ServiceError('NotFound', message);
const conflict = (message: string) => new ServiceError('Conflict', message);
const beyondQuota = (message: string) => new ServiceError('QuotaExceeded', message);

// Requests as a whole
export const rateExceeded = () => new ServiceError('Throttled', 'Rate exceeded');
export const badPageToken = () => invalid('The pagination token is not valid.');
export const clientTokenReused = (token: string) =>
  conflict(`The client token ${token} was already used with different parameters.`);

export const unknownEvent = (id: string, newest: number) =>
  invalid(
    `There is no event ${id} yet; the newest is ${newest}. Leave 'since' out to begin with what happens now.`,
  );

// Names of images
export const invalidArn = (value: string) => invalid(`Invalid ARN format: ${value}`);
export const malformedArn = () => invalid("Malformed ARN - doesn't start with 'arn:'");
export const slashArn = (callerArn: string, value: string) =>
  new ServiceError(
    'AccessDenied',
    `User: ${callerArn} is not authorized to perform this action on resource: ${value}`,
  );
export const imageNotFound = (arn: string) => missing(`MicroVMImage not found for MicroVMImageID: ${arn}`);
export const versionNotFound = (arn: string, version: string) =>
  missing(`MicroVMImage not found for MicroVMImage: ${arn}, Version: ${version}`);
export const buildNotFound = (arn: string, version: string, buildId: string) =>
  missing(`MicroVMImage build not found for MicroVMImage: ${arn}, Version: ${version}, Build: ${buildId}`);

// What an image version is made of
export const imageNameTaken = (name: string) =>
  invalid(`A MicroVM image with the name '${name}' already exists in this account`);
export const readyHookMissing = () =>
  invalid(
    'The ready (/ready) MicroVM image hook must be enabled when any MicroVM lifecycle hook (run, resume, suspend, ' +
      'or terminate) is enabled. Set microvmImageHooks.ready to ENABLED.',
  );
export const hooksPortMissing = () => invalid('hooks.port must be specified when any hook is enabled.');
export const hooksPortAlone = () => invalid('hooks.port cannot be specified when no hook is enabled.');
export const unsupportedMemory = (mib: number, baseArn: string, sizes: readonly number[]) =>
  invalid(
    `The requested memory size of ${mib} MiB is not supported by base MicroVM image ${baseArn}. ` +
      `Supported memory sizes in MiB are: [${sizes.join(', ')}].`,
  );
export const baseImageUnknown = (arn: string) =>
  invalid(`No managed MicroVM Image with arn ${arn} is available`);
export const baseVersionUnknown = (arn: string, version: string) =>
  invalid(`No managed MicroVM Image with arn ${arn} and version ${version} is available`);
export const codeArtifactNotS3 = () =>
  invalid('CodeArtifact URI must be a valid S3 URI in the format: s3://<bucket>/<key>');
export const reservedVariable = (name: string) =>
  invalid(`The environment variable name '${name}' is reserved and cannot be set.`);
export const imageQuota = (limit: number) =>
  beyondQuota(`The maximum number of MicroVM images (${limit}) has been reached for this account.`);
export const versionQuota = (limit: number) =>
  beyondQuota(`The maximum number of versions (${limit}) has been reached for this MicroVM image.`);
export const buildQuota = (limit: number) =>
  beyondQuota(`The maximum number of concurrent builds (${limit}) has been reached for this account.`);

// States of images and versions
export const imageBusy = (state: string) => conflict(`MicroVM Image is already in state: ${state}`);
export const lastVersion = () => invalid('This is the last version. Please delete the entire image');
export const imageInUse = () => invalid('Cannot delete microvm image with running microvms.');
export const versionInUse = () => invalid('Cannot delete microvm image version with running microvms.');
export const imageUndeletable = (arn: string) =>
  invalid(`Cannot delete MicroVM image in its current state: ${arn}`);
export const versionBusy = (version: string, state: string) =>
  conflict(`MicroVM Image version ${version} is in state: ${state}`);
export const versionNotSuccessful = (version: string) =>
  invalid(`MicroVM Image version ${version} cannot be activated because its build was not successful.`);

// MicroVMs
export const noActiveVersion = (arn: string, version?: string) =>
  missing(
    `No active version found for MicroVM image ${arn}${version === undefined ? '' : ` and version ${version}`}`,
  );
export const runHookDisabled = () =>
  invalid('The run hook must be enabled in the MicroVM image to pass the run hook payload');
export const idleTooLong = (seconds: number, limit: number) =>
  invalid(`maxIdleDurationSeconds ${seconds} exceeded max allowed of ${limit}.`);
export const memoryQuota = () =>
  beyondQuota('The base maximum allocated memory limit has been reached for this account.');
export const microvmNotFound = (id: string) => missing(`MicroVM not found: ${id}`);
export const microvmEnded = (id: string) =>
  invalid(`The MicroVM ${id} has been terminated and its state cannot be changed.`);
export const microvmBusy = (id: string, state: string) => conflict(`The MicroVM ${id} is in state: ${state}`);
export const notForked = (id: string, why: string) =>
  conflict(`The MicroVM ${id} could not be forked: ${why}`);

/** What a command or copy in a MicroVM met. */
export const commandRefused = (kind: 'notFound' | 'invalid' | 'impossible', why: string) =>
  ({ notFound: missing, invalid, impossible: conflict })[kind](why);
export const microvmUnavailable = (id: string, why: string) =>
  conflict(`The MicroVM ${id} cannot take a command: ${why}`);

// Tokens
export const expirationTooLong = (minutes: number, limit: number) =>
  invalid(`ExpirationMinutes ${minutes} exceeded max allowed of ${limit}.`);
export const badPort = (what: string) => invalid(`Invalid allowedPorts: ${what}`);
export const shellNotConnected = () =>
  invalid('Shell access requires SHELL_INGRESS network connector to be configured on the MicroVM.');
export const allIngressMixed = () =>
  invalid(
    'ALL_INGRESS cannot be combined with other ingress network connectors; use HTTP_INGRESS and/or SHELL_INGRESS instead',
  );

// Connectors
export const connectorMalformed = () => invalid('Malformed network connector ARN');
export const connectorUnrecognized = (arn: string) =>
  invalid(`Unrecognized managed network connector ARN: ${arn}`);
export const connectorWrongSide = (arn: string, side: string) =>
  invalid(`The network connector ${arn} cannot be used for ${side} traffic.`);
export const connectorNotFound = (arn: string) => missing(`Network connector not found for: ${arn}`);
export const connectorNotActive = (arn: string, state: string) =>
  invalid(`The network connector ${arn} is not ACTIVE but ${state}.`);
export const connectorBusy = (arn: string, state: string) =>
  conflict(`Network connector ${arn} is in state: ${state}`);
export const connectorNameTaken = (name: string) =>
  conflict(`A network connector with the name '${name}' already exists in this account`);
export const connectorQuota = (limit: number) =>
  beyondQuota(`The maximum number of network connectors (${limit}) has been reached for this account.`);
export const clientTokenMissing = () => invalid('ClientToken is a required field');
export const operatorRoleMissing = () =>
  invalid('NetworkConnectorOperatorRole is required for VPC_EGRESS connector type');
export const connectorFieldMissing = (name: string) => invalid(`${name} cannot be null or empty`);

// Tags
export const tooManyTags = (limit: number) => invalid(`A resource cannot have more than ${limit} tags.`);
export const reservedTag = (key: string) =>
  invalid(`The tag key ${key} is reserved: aws: is not an allowed prefix.`);
export const untaggable = (arn: string) => missing(`Resource not found: ${arn}`);
