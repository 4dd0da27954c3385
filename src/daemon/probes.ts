import { createHash, timingSafeEqual } from 'node:crypto';
import type { Answer } from '../aws/http/answer.ts';
import type { Incoming } from '../aws/http/incoming.ts';
import type { Probes } from '../aws/probes.ts';
import { claimedService } from '../aws/sigv4/claimed-service.ts';
import { METRICS_TYPE, renderMetrics } from '../metrics/metrics.ts';

export interface ProbesParts {
  /** What readers of the metrics send as their bearer token. */
  token: string;
  /** Fills in what is not counted as it happens. */
  collect: () => Promise<void>;
  /** What keeps squib from its work, in sentences; empty when nothing does. */
  problems: () => Promise<string[]>;
}

const paths = new Set(['/metrics', '/_squib/health', '/_squib/ready']);

const json = (status: number, body: object): Answer => ({
  status,
  headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
  body: `${JSON.stringify(body)}\n`,
});

/**
 * `/metrics` for who has the token; `/_squib/health` and `/_squib/ready` for everybody, because load balancers and
 * supervisors have no credentials: they tell nothing but yes or no, and what the host lacks.
 */
export function createProbes({ token, collect, problems }: ProbesParts): Probes {
  const expected = digest(`Bearer ${token}`);

  const metrics = async (incoming: Incoming): Promise<Answer> => {
    const given = incoming.header('authorization') ?? '';
    // Digests have one length, and comparing them tells nothing about what was expected.
    if (!timingSafeEqual(digest(given), expected)) {
      const headers = { 'content-type': 'text/plain', 'www-authenticate': 'Bearer realm="squib metrics"' };
      return { status: 401, headers, body: 'Send the token of the metrics: Authorization: Bearer TOKEN\n' };
    }
    await collect();
    return { status: 200, headers: { 'content-type': METRICS_TYPE }, body: renderMetrics() };
  };

  const ready = async (): Promise<Answer> => {
    const found = await problems();
    return found.length === 0
      ? json(200, { status: 'ready' })
      : json(503, { status: 'not ready', problems: found });
  };

  return {
    // A bucket may be called `metrics`: a signed request for that path is its.
    owns: (incoming) =>
      paths.has(incoming.path) && (incoming.path !== '/metrics' || claimedService(incoming) === undefined),
    async answer(incoming) {
      if (incoming.method !== 'GET' && incoming.method !== 'HEAD') {
        return { status: 405, headers: { allow: 'GET, HEAD', 'content-type': 'text/plain' }, body: '' };
      }
      if (incoming.path === '/metrics') return metrics(incoming);
      return incoming.path === '/_squib/health' ? json(200, { status: 'ok' }) : ready();
    },
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
