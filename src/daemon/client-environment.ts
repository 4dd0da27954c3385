import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import type { DataLayout } from '../config/layout.ts';
import { writeFileDurably } from '../store/durable-file.ts';
import { readRootCredential } from './credentials.ts';

const systemBundles = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt'];

/**
 * What AWS clients and HTTPS clients need in their environment to talk to this squib.
 * Holds the secret access key.
 */
export function clientEnvironment(config: Config, layout: DataLayout): Record<string, string> {
  const { accessKeyId, secretAccessKey } = readRootCredential(layout.keys);
  const ca = readFileSync(join(layout.keys, 'ca.pem'), 'utf8');
  const files = publishTrust(config.cacheDir, ca);
  return {
    AWS_ENDPOINT_URL: `http://localhost:${config.api.port}`,
    // `aws logs start-live-tail` would ask stream-localhost.
    AWS_DISABLE_HOST_PREFIX_INJECTION: 'true',
    AWS_REGION: config.region,
    AWS_DEFAULT_REGION: config.region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    NODE_EXTRA_CA_CERTS: files.ca,
    SSL_CERT_FILE: files.bundle,
    REQUESTS_CA_BUNDLE: files.bundle,
    CURL_CA_BUNDLE: files.bundle,
  };
}

/**
 * Puts the authority's certificate where every user of the machine can read it: alone, for programs that add it to
 * what they trust (Node.js), and behind the system's own, for programs that take one bundle (Python, curl).
 */
function publishTrust(cacheDir: string, ca: string): { ca: string; bundle: string } {
  const folder = join(cacheDir, 'trust', createHash('sha256').update(ca).digest('hex').slice(0, 12));
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const system = systemBundles.find((file) => existsSync(file));
  const files = { ca: join(folder, 'ca.pem'), bundle: join(folder, 'ca-bundle.pem') };
  publish(files.ca, ca);
  publish(files.bundle, `${system ? readFileSync(system, 'utf8') : ''}\n${ca}`);
  return files;
}

/** Somebody may be reading the file of before right now: it is replaced as a whole, and only by another one. */
function publish(file: string, text: string): void {
  if (!existsSync(file) || readFileSync(file, 'utf8') !== text) writeFileDurably(file, text, 0o644);
}
