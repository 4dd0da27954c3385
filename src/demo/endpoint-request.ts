import { request } from 'node:https';

export interface EndpointRequest {
  /** As `RunMicrovm` answers it: a host name, with a port where squib may not bind 443. */
  endpoint: string;
  path: string;
  token: string;
  /** Certificate of squib's local authority, PEM. */
  ca: string;
}

/** GETs a path of a MicroVM; resolves with the body's text, rejects when the status is not 200. */
export function get({ endpoint, path, token, ca }: EndpointRequest): Promise<string> {
  return new Promise((resolve, reject) => {
    const url = new URL(path, `https://${endpoint}`);
    const get = request(url, { ca, headers: { 'X-aws-proxy-auth': token } }, async (response) => {
      const body = Buffer.concat(await response.toArray())
        .toString('utf8')
        .trim();
      if (response.statusCode === 200) resolve(body);
      else reject(new Error(`the endpoint answered ${response.statusCode}: ${body}`));
    });
    get.on('error', reject);
    get.end();
  });
}
