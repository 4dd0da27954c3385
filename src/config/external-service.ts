/** A service outside of squib that stands in for squib's own, for example AWS's S3. */
export interface ExternalService {
  /** For example `https://s3.eu-west-1.amazonaws.com`; empty: squib's own service. */
  endpoint: string;
  /** That its signatures are made for; empty: squib's region. */
  region: string;
  /** JSON of mode 0600 with `accessKeyId`, `secretAccessKey` and maybe `sessionToken`. */
  credentialsFile: string;
}

export const ownService: ExternalService = { endpoint: '', region: '', credentialsFile: '' };

type Fail = (path: string, problem: string) => never;

export function checkExternalService(service: ExternalService, path: string, fail: Fail): void {
  if (service.endpoint === '') return;
  const url = URL.canParse(service.endpoint) ? new URL(service.endpoint) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.search || url.hash || url.username) {
    fail(`${path}.endpoint`, 'must be a URL like https://s3.eu-west-1.amazonaws.com');
  }
  if (!service.credentialsFile.startsWith('/')) fail(`${path}.credentialsFile`, 'must be an absolute path');
}
