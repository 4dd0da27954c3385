import type { FileCredentials } from '../../config/credentials-file.ts';
import { SquibError } from '../../errors/squib-error.ts';
import { sign } from './sign.ts';

/** AWS lets a role's session last an hour unless the role says otherwise. */
const seconds = 3600;
const patienceMs = 10_000;

export interface AssumeRoleOrder {
  /** For example `https://sts.eu-west-1.amazonaws.com`. */
  endpoint: string;
  region: string;
  /** Of whoever may assume the role. */
  caller: FileCredentials;
  roleArn: string;
  sessionName: string;
  externalId?: string | undefined;
}

/** AssumeRole of any STS, for an hour. @throws SquibError with what STS said when it refuses or does not answer */
export async function assumeRole(o: AssumeRoleOrder): Promise<FileCredentials> {
  const url = new URL('/', o.endpoint);
  const body = new URLSearchParams({
    ...{ Action: 'AssumeRole', Version: '2011-06-15', DurationSeconds: `${seconds}` },
    ...{ RoleArn: o.roleArn, RoleSessionName: o.sessionName },
    ...(o.externalId !== undefined && { ExternalId: o.externalId }),
  }).toString();
  const unsigned = {
    ...{ method: 'POST', url, body },
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  };
  const headers = sign(unsigned, { region: o.region, ...o.caller }, 'sts', Date.now());
  const signal = AbortSignal.timeout(patienceMs);
  const response = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'error' }).catch(
    (cause) => {
      throw new SquibError(`STS does not answer at ${o.endpoint}.`, 'Check roles.….assumeRole.endpoint.', {
        cause,
      });
    },
  );
  const text = await response.text();
  const member = (name: string) => new RegExp(`<${name}>([^<]+)</${name}>`).exec(text)?.[1];
  const [accessKeyId, secretAccessKey, sessionToken] = ['AccessKeyId', 'SecretAccessKey', 'SessionToken'].map(
    member,
  );
  if (!response.ok || !accessKeyId || !secretAccessKey || !sessionToken) {
    const said = `${member('Code') ?? response.status}: ${member('Message') ?? 'no credentials in its answer'}`;
    throw new SquibError(
      `STS at ${o.endpoint} did not let squib assume ${o.roleArn}: ${said}`,
      "Check the role's trust policy and the keys in roles.….assumeRole.credentialsFile.",
    );
  }
  return { accessKeyId, secretAccessKey, sessionToken };
}
