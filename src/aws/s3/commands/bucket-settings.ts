import { elements, readXml, textOf, type XmlNode, type XmlValue } from '../../protocol/xml.ts';
import { s3Error } from '../s3-error.ts';
import { type S3Command, type S3Request, xmlAnswer } from '../s3-request.ts';
import { readTags } from '../tags.ts';

/** A setting of buckets that is kept and given back, whether or not squib's S3 acts on it (docs/services.md). */
export interface BucketSetting {
  /** Parameter of the query. */
  query: string;
  /** Name in operations: `Get…`, `Put…`, `Delete…`. */
  operation: string;
  /** Element of the document; undefined for JSON. */
  root?: string;
  /** Answer where nothing was set: content of the root element, or an error. */
  absent: { [name: string]: XmlValue } | { code: string; message: string };
  /** Refuses what squib's S3 would have to do and cannot. */
  check?(document: XmlNode): void;
  deletable?: boolean;
  putStatus?: number;
}

const none = (code: string, message: string) => ({ code, message });

/** Notifications would have to be sent, and there is nothing to send them to. */
function noTargets(document: XmlNode): void {
  const [target] = typeof document === 'object' ? Object.keys(document) : [];
  if (target === undefined) return;
  throw s3Error('NotImplemented', `squib's S3 sends no notifications (${target}).`);
}

function knownStatus(document: XmlNode): void {
  if (!['Enabled', 'Suspended'].includes(textOf(document, 'Status') ?? '')) throw malformed();
}

export const BUCKET_SETTINGS: readonly BucketSetting[] = [
  {
    ...{ query: 'versioning', operation: 'BucketVersioning', root: 'VersioningConfiguration', absent: {} },
    check: knownStatus,
  },
  {
    ...{ query: 'encryption', operation: 'BucketEncryption' },
    ...{ root: 'ServerSideEncryptionConfiguration', deletable: true },
    absent: {
      Rule: {
        ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' },
        BucketKeyEnabled: false,
      },
    },
  },
  {
    ...{ query: 'publicAccessBlock', operation: 'PublicAccessBlock' },
    ...{ root: 'PublicAccessBlockConfiguration', deletable: true },
    absent: {
      BlockPublicAcls: true,
      IgnorePublicAcls: true,
      BlockPublicPolicy: true,
      RestrictPublicBuckets: true,
    },
  },
  {
    ...{ query: 'lifecycle', operation: 'BucketLifecycleConfiguration' },
    ...{ root: 'LifecycleConfiguration', deletable: true },
    absent: none('NoSuchLifecycleConfiguration', 'The lifecycle configuration does not exist'),
  },
  {
    ...{ query: 'tagging', operation: 'BucketTagging', root: 'Tagging', deletable: true, putStatus: 204 },
    absent: none('NoSuchTagSet', 'The TagSet does not exist'),
    check: (document) => void readTags(document, 50),
  },
  {
    ...{ query: 'cors', operation: 'BucketCors', root: 'CORSConfiguration' },
    deletable: true,
    absent: none('NoSuchCORSConfiguration', 'The CORS configuration does not exist'),
  },
  {
    ...{ query: 'ownershipControls', operation: 'BucketOwnershipControls', root: 'OwnershipControls' },
    deletable: true,
    absent: { Rule: { ObjectOwnership: 'BucketOwnerEnforced' } },
  },
  {
    ...{ query: 'policy', operation: 'BucketPolicy', deletable: true, putStatus: 204 },
    absent: none('NoSuchBucketPolicy', 'The bucket policy does not exist'),
  },
  { query: 'logging', operation: 'BucketLogging', root: 'BucketLoggingStatus', absent: {} },
  {
    ...{ query: 'website', operation: 'BucketWebsite', root: 'WebsiteConfiguration', deletable: true },
    absent: none('NoSuchWebsiteConfiguration', 'The specified bucket does not have a website configuration'),
  },
  {
    ...{ query: 'accelerate', operation: 'BucketAccelerateConfiguration', root: 'AccelerateConfiguration' },
    ...{ absent: {} },
  },
  {
    ...{ query: 'requestPayment', operation: 'BucketRequestPayment', root: 'RequestPaymentConfiguration' },
    absent: { Payer: 'BucketOwner' },
  },
  {
    ...{ query: 'notification', operation: 'BucketNotificationConfiguration' },
    ...{ root: 'NotificationConfiguration', absent: {}, check: noTargets },
  },
];

const malformed = () =>
  s3Error(
    'MalformedXML',
    'The XML you provided was not well-formed or did not validate against our published schema',
  );

function existing({ store, bucket }: S3Request): void {
  store.bucket(bucket);
}

export function getSetting({ query, root, absent }: BucketSetting): S3Command {
  return (request) => {
    existing(request);
    const document = request.store.settings.get(request.bucket, query);
    if (document !== undefined) {
      const type = root === undefined ? 'application/json' : 'application/xml';
      return { status: 200, headers: { 'content-type': type }, body: document };
    }
    if ('code' in absent) {
      throw s3Error(String(absent.code), String(absent.message), { BucketName: request.bucket });
    }
    return xmlAnswer(root ?? '', absent as { [name: string]: XmlValue });
  };
}

export function putSetting({ query, root, check, putStatus = 200 }: BucketSetting): S3Command {
  return async (request) => {
    existing(request);
    const document = await request.text();
    if (root === undefined) checkPolicy(document);
    else check?.(readXml(document, root));
    existing(request);
    request.store.settings.put(request.bucket, query, document);
    return { status: putStatus };
  };
}

export function deleteSetting({ query }: BucketSetting): S3Command {
  return (request) => {
    existing(request);
    request.store.settings.remove(request.bucket, query);
    return { status: 204 };
  };
}

function checkPolicy(text: string): void {
  let policy: unknown;
  try {
    policy = JSON.parse(text);
  } catch {
    policy = undefined;
  }
  if (typeof policy !== 'object' || policy === null || !('Statement' in policy)) {
    throw s3Error('MalformedPolicy', 'Policies must be valid JSON and have a Statement');
  }
}

/** Nothing is ever public here. */
export const getBucketPolicyStatus: S3Command = (request) => {
  existing(request);
  if (request.store.settings.get(request.bucket, 'policy') === undefined) {
    throw s3Error('NoSuchBucketPolicy', 'The bucket policy does not exist', { BucketName: request.bucket });
  }
  return xmlAnswer('PolicyStatus', { IsPublic: false });
};

export const getReplication: S3Command = (request) => {
  existing(request);
  throw s3Error('ReplicationConfigurationNotFoundError', 'The replication configuration was not found');
};

export const getObjectLock: S3Command = (request) => {
  existing(request);
  throw s3Error(
    'ObjectLockConfigurationNotFoundError',
    'Object Lock configuration does not exist for this bucket',
  );
};

/** Bucket and objects belong to the account, as with AWS's default, "bucket owner enforced". */
export const getAcl: S3Command = ({ store, bucket, key, caller }) => {
  if (key === '') store.bucket(bucket);
  else store.headObject(bucket, key);
  const owner = { ID: caller.accountId, DisplayName: caller.accountId };
  return xmlAnswer('AccessControlPolicy', {
    Owner: owner,
    AccessControlList: { Grant: { Grantee: owner, Permission: 'FULL_CONTROL' } },
  });
};

export const putAcl: S3Command = async ({ store, bucket, key, incoming, text }) => {
  if (key === '') store.bucket(bucket);
  else store.headObject(bucket, key);
  const canned = incoming.header('x-amz-acl');
  const grants = elements(await documentOf(text), 'AccessControlList');
  if ((canned ?? 'private') !== 'private' || (canned === undefined && grants.length > 0)) {
    throw s3Error('AccessControlListNotSupported', 'The bucket does not allow ACLs');
  }
  return { status: 200 };
};

async function documentOf(text: () => Promise<string>): Promise<XmlNode> {
  const document = await text();
  return document.trim() === '' ? {} : readXml(document, 'AccessControlPolicy');
}
