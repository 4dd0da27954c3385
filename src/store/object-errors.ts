/** Why the object store did not do what it was asked. `code` is S3's name for it. */
export class ObjectStoreError extends Error {
  override readonly name: string = 'ObjectStoreError';
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export class NoSuchBucket extends ObjectStoreError {
  override readonly name = 'NoSuchBucket';
  readonly bucket: string;
  constructor(bucket: string) {
    super('NoSuchBucket', 'The specified bucket does not exist');
    this.bucket = bucket;
  }
}

export class NoSuchKey extends ObjectStoreError {
  override readonly name = 'NoSuchKey';
  readonly bucket: string;
  readonly key: string;
  constructor(bucket: string, key: string) {
    super('NoSuchKey', 'The specified key does not exist.');
    this.bucket = bucket;
    this.key = key;
  }
}
