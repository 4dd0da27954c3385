/** The parts of a request that Signature V4 covers, exactly as they came over the wire. */
export interface SignableRequest {
  method: string;
  /** Percent-encoded, without query. */
  path: string;
  /** Without the question mark. */
  query: string;
  /** Value of a header by lower-case name; several values joined by a comma. */
  header(name: string): string | undefined;
  /** Lower-case names of all headers of the request. */
  headerNames: Iterable<string>;
}

/** What the `Authorization` header, or the query of a presigned URL, says. */
export interface SignatureParameters {
  form: 'header' | 'query';
  accessKeyId: string;
  /** `YYYYMMDD` of the scope. */
  date: string;
  region: string;
  service: string;
  /** Lower-case, in the order given. */
  signedHeaders: string[];
  /** 64 hexadecimal digits. */
  signature: string;
  /** `YYYYMMDDTHHMMSSZ` */
  timestamp: string;
  /** Presigned URLs: seconds. */
  expiresIn?: number;
  sessionToken?: string;
}
