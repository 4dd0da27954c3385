import { request } from 'node:https';
import { text } from 'node:stream/consumers';

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
    const get = request(url, { ca, headers: { 'X-aws-proxy-auth': token } }, (response) => {
      text(response).then((body) => {
        if (response.statusCode === 200) resolve(body.trim());
        else reject(new Error(`the endpoint answered ${response.statusCode}: ${body}`));
      }, reject);
    });
    get.on('error', reject);
    get.end();
  });
}
