import type { ObjectAttributes, PartInfo, UploadInfo } from '../../../store/object-types.ts';
import type { NamedPart } from '../../../store/object-uploads.ts';
import { CHECKSUM_ALGORITHMS, type ChecksumAlgorithm, createChecksum } from '../../checksums/checksum.ts';
import { combineCrcs } from '../../checksums/combine-crc.ts';
import { elements, textOf, type XmlNode } from '../../protocol/xml.ts';
import { readAttributes } from '../attributes.ts';
import { writeCondition } from '../conditions.ts';
import { parseRange } from '../range.ts';
import { s3Error } from '../s3-error.ts';
import { isoTime, type S3Command, type S3Request, xmlAnswer } from '../s3-request.ts';
import { openCopySource } from './copy-object.ts';
import { pageSize } from './list-objects.ts';

const MOST_PARTS = 10_000;

function uploadOf({ store, bucket, key, query }: S3Request): UploadInfo {
  return store.uploads.get(bucket, key, query.get('uploadId') ?? '');
}

function partNumber({ query }: S3Request): number {
  const text = query.get('partNumber') ?? '';
  const number = Number(text);
  if (!/^\d{1,5}$/.test(text) || number < 1 || number > MOST_PARTS) {
    throw s3Error(
      'InvalidArgument',
      `Part number must be an integer between 1 and ${MOST_PARTS}, inclusive`,
      {
        ArgumentName: 'partNumber',
        ArgumentValue: text,
      },
    );
  }
  return number;
}

export const createMultipartUpload: S3Command = ({ incoming, store, bucket, key }) => {
  const asked = incoming.header('x-amz-checksum-algorithm')?.toUpperCase();
  const algorithm = CHECKSUM_ALGORITHMS.find((name) => name === asked);
  if (asked !== undefined && !algorithm) {
    throw s3Error('InvalidRequest', 'Checksum algorithm provided is unsupported.');
  }
  const askedType = incoming.header('x-amz-checksum-type')?.toUpperCase();
  const type = askedType ?? (algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE');
  const impossible = type === 'FULL_OBJECT' ? algorithm?.startsWith('SHA') : algorithm === 'CRC64NVME';
  if ((type !== 'FULL_OBJECT' && type !== 'COMPOSITE') || impossible) {
    throw s3Error(
      'InvalidRequest',
      `The ${type} checksum type cannot be used with the ${algorithm} checksum algorithm.`,
    );
  }
  const uploadId = store.uploads.start(bucket, key, {
    attributes: readAttributes(incoming),
    ...(algorithm && { checksumAlgorithm: algorithm, checksumType: type }),
  });
  return xmlAnswer(
    'InitiateMultipartUploadResult',
    { Bucket: bucket, Key: key, UploadId: uploadId },
    algorithm ? { 'x-amz-checksum-algorithm': algorithm, 'x-amz-checksum-type': type } : {},
  );
};

/** Passes bytes on and computes the upload's checksum of them, in case the client sent none. */
function withChecksum(body: AsyncIterable<Uint8Array>, algorithm: string | undefined) {
  const checksum = algorithm === undefined ? undefined : createChecksum(algorithm as ChecksumAlgorithm);
  async function* watched() {
    for await (const chunk of body) {
      checksum?.update(chunk);
      yield chunk;
    }
  }
  return { body: watched(), digest: () => checksum?.digest().toString('base64') };
}

function checksumHeader(upload: UploadInfo, part: PartInfo): Record<string, string> {
  if (!upload.checksumAlgorithm || part.checksum === undefined) return {};
  return { [`x-amz-checksum-${upload.checksumAlgorithm.toLowerCase()}`]: part.checksum };
}

export const uploadPart: S3Command = async (request) => {
  const number = partNumber(request);
  const upload = uploadOf(request);
  const incoming = request.upload();
  const { body, digest } = withChecksum(incoming.body, upload.checksumAlgorithm);
  const part = await request.store.uploads.putPart(upload, number, body, (written) => {
    incoming.verify(written);
    return digest();
  });
  return { status: 200, headers: { etag: `"${part.etag}"`, ...checksumHeader(upload, part) } };
};

export const uploadPartCopy: S3Command = async (request) => {
  const number = partNumber(request);
  const upload = uploadOf(request);
  const source = openCopySource(request);
  let range: ReturnType<typeof parseRange>;
  try {
    range = parseRange(request.incoming.header('x-amz-copy-source-range'), source.info.size);
  } catch (error) {
    source.close();
    throw error;
  }
  const { body, digest } = withChecksum(source.stream(range), upload.checksumAlgorithm);
  const part = await request.store.uploads.putPart(upload, number, body, digest);
  return xmlAnswer('CopyPartResult', { LastModified: isoTime(part.modifiedAt), ETag: `"${part.etag}"` });
};

function namedPart(node: XmlNode): NamedPart {
  const number = textOf(node, 'PartNumber')?.trim() ?? '';
  const etag = textOf(node, 'ETag')
    ?.trim()
    .replace(/^"(.*)"$/, '$1');
  if (!/^\d{1,5}$/.test(number) || etag === undefined) {
    throw s3Error(
      'MalformedXML',
      'The XML you provided was not well-formed or did not validate against our published schema',
    );
  }
  return { number: Number(number), etag };
}

/** Checksum of the whole object out of its parts' (AWS: "Checking object integrity", composite and full object). */
function wholeChecksum(upload: UploadInfo, parts: PartInfo[]): ObjectAttributes['checksum'] {
  const { checksumAlgorithm: algorithm, checksumType: type } = upload;
  if (!algorithm || !type || parts.some((part) => part.checksum === undefined)) return undefined;
  const digests = parts.map((part) => Buffer.from(part.checksum!, 'base64'));
  if (type === 'FULL_OBJECT') {
    const pieces = parts.map((part, index) => ({ crc: digests[index]!, length: part.size }));
    const value = combineCrcs(algorithm as 'CRC32' | 'CRC32C' | 'CRC64NVME', pieces).toString('base64');
    return { algorithm, value, type };
  }
  const checksum = createChecksum(algorithm as ChecksumAlgorithm);
  checksum.update(Buffer.concat(digests));
  return { algorithm, value: `${checksum.digest().toString('base64')}-${parts.length}`, type };
}

export const completeMultipartUpload: S3Command = async (request) => {
  const { store, bucket, key, incoming, xml } = request;
  const upload = uploadOf(request);
  const parts = elements(await xml('CompleteMultipartUpload'), 'Part').map(namedPart);
  if (parts.length === 0) throw s3Error('MalformedXML', 'You must specify at least one part');
  const info = await store.uploads.complete(
    upload,
    parts,
    (chosen) => {
      const checksum = wholeChecksum(upload, chosen);
      const claimed =
        checksum &&
        incoming.header(`x-amz-checksum-${checksum.algorithm.toLowerCase()}`)?.replace(/-\d+$/, '');
      if (claimed !== undefined && claimed !== checksum!.value.replace(/-\d+$/, '')) {
        throw s3Error(
          'BadDigest',
          `The ${checksum!.algorithm} you specified did not match the calculated checksum.`,
        );
      }
      return { ...upload.attributes, ...(checksum && { checksum }) };
    },
    writeCondition(incoming),
  );
  const { checksum } = info.attributes;
  return xmlAnswer('CompleteMultipartUploadResult', {
    Location: `http://${incoming.header('host')}${incoming.path}`,
    Bucket: bucket,
    Key: key,
    ETag: `"${info.etag}"`,
    ...(checksum && { [`Checksum${checksum.algorithm}`]: checksum.value, ChecksumType: checksum.type }),
  });
};

export const abortMultipartUpload: S3Command = async (request) => {
  await request.store.uploads.abort(uploadOf(request));
  return { status: 204 };
};

export const listParts: S3Command = (request) => {
  const upload = uploadOf(request);
  const limit = pageSize(request.query, 'max-parts');
  const marker = Number(request.query.get('part-number-marker') ?? 0) || 0;
  const all = request.store.uploads.parts(upload).filter((part) => part.number > marker);
  const page = all.slice(0, limit);
  return xmlAnswer('ListPartsResult', {
    Bucket: upload.bucket,
    Key: upload.key,
    UploadId: upload.uploadId,
    PartNumberMarker: marker,
    NextPartNumberMarker: page.at(-1)?.number ?? 0,
    MaxParts: limit,
    IsTruncated: page.length < all.length,
    Part: page.map((part) => ({
      PartNumber: part.number,
      LastModified: isoTime(part.modifiedAt),
      ETag: `"${part.etag}"`,
      Size: part.size,
      ...(upload.checksumAlgorithm && { [`Checksum${upload.checksumAlgorithm}`]: part.checksum }),
    })),
    StorageClass: 'STANDARD',
  });
};

export const listMultipartUploads: S3Command = ({ store, bucket, query }) => {
  const prefix = query.get('prefix') ?? '';
  const limit = pageSize(query, 'max-uploads');
  const keyMarker = query.get('key-marker') ?? '';
  const all = store.uploads
    .list(bucket)
    .filter(({ key }) => key.startsWith(prefix) && (keyMarker === '' || key > keyMarker));
  const page = all.slice(0, limit);
  const truncated = page.length < all.length;
  return xmlAnswer('ListMultipartUploadsResult', {
    Bucket: bucket,
    KeyMarker: keyMarker,
    UploadIdMarker: query.get('upload-id-marker') ?? '',
    NextKeyMarker: truncated ? page.at(-1)?.key : undefined,
    NextUploadIdMarker: truncated ? page.at(-1)?.uploadId : undefined,
    Prefix: prefix,
    MaxUploads: limit,
    IsTruncated: truncated,
    Upload: page.map(({ key, uploadId, startedAt }) => ({
      Key: key,
      UploadId: uploadId,
      StorageClass: 'STANDARD',
      Initiated: isoTime(startedAt),
    })),
  });
};
