import { execFile } from 'node:child_process';
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { chmod, mkdir, mkdtemp, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SquibError } from '../errors/squib-error.ts';

const run = promisify(execFile);
const day = 24 * 3600 * 1000;

/** Public authorities give at most 398 days, and clients on macOS refuse more from anybody. */
const leafDays = 397;
const caDays = 3650;
/** A leaf with fewer days left is replaced. */
const renewDays = 30;

export interface CertificateOrder {
  region: string;
  domain: string;
  /** More names for the leaf, for example the host that the API listens on. Addresses or DNS names. */
  extraNames?: string[];
}

/** A certificate and its private key, PEM. */
export interface KeyPair {
  cert: Buffer;
  key: Buffer;
}

/** Files of the local authority and of the certificate that API and endpoints present. */
export interface Certificates {
  caFile: string;
  certFile: string;
  keyFile: string;
  /** What TLS servers present, renewed before it expires. The same object as long as nothing changed. */
  current(): Promise<KeyPair>;
}

async function openssl(args: string[]): Promise<void> {
  try {
    await run('openssl', args, { timeout: 30_000 });
  } catch (error) {
    throw new SquibError(
      'A certificate could not be made with openssl.',
      'Install openssl (npm run setup).',
      {
        cause: error,
      },
    );
  }
}

/** Moves a finished file into place so that a crash leaves the old or the new one, never a half. */
async function publish(from: string, to: string): Promise<void> {
  await chmod(from, 0o600);
  const file = await open(from, 'r');
  await file.sync();
  await file.close();
  await rename(from, to);
}

async function readCertificate(file: string): Promise<X509Certificate | undefined> {
  try {
    return new X509Certificate(await readFile(file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new SquibError(`The certificate ${file} cannot be read.`, 'Remove it; squib makes a new one.', {
      cause: error,
    });
  }
}

/** A crash between the renames of a key and its certificate leaves two that do not fit. */
async function belongs(certificate: X509Certificate, keyFile: string): Promise<boolean> {
  try {
    return certificate.checkPrivateKey(createPrivateKey(await readFile(keyFile)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw new SquibError(`The key ${keyFile} cannot be read.`, 'Remove it; squib makes a new one.', {
      cause: error,
    });
  }
}

function lasts(certificate: X509Certificate): boolean {
  return certificate.validToDate.getTime() - Date.now() > renewDays * day;
}

/**
 * A subject names the domain it may sign for, so that a changed configuration is noticed.
 * The name constraint keeps an authority that a user trusts from vouching for anybody else's names.
 */
async function makeAuthority(scratch: string, domain: string): Promise<void> {
  const permitted = [
    'DNS:localhost',
    'IP:127.0.0.0/255.0.0.0',
    'IP:::1/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
  ];
  if (domain !== 'localhost') permitted.push(`DNS:${domain}`);
  await openssl([
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-sha256'],
    ...['-keyout', join(scratch, 'ca.key'), '-out', join(scratch, 'ca.pem'), '-days', String(caDays)],
    ...['-subj', `/O=squib/CN=squib local CA for ${domain}/serialNumber=${randomBytes(4).toString('hex')}`],
    ...['-addext', 'basicConstraints=critical,CA:TRUE,pathlen:0'],
    ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
    ...['-addext', `nameConstraints=critical,${permitted.map((name) => `permitted;${name}`).join(',')}`],
  ]);
}

/**
 * Names only: endpoints are told apart by them. BoringSSL (gRPC's Python, Ruby and C++ clients) refuses a certificate with
 * addresses from an authority whose name constraints speak of addresses, and those must stay.
 */
function alternativeNames(order: CertificateOrder): string[] {
  const names = [`DNS:*.lambda-microvm.${order.region}.${order.domain}`, 'DNS:localhost'];
  for (const name of order.extraNames ?? []) {
    const entry = /^[\d.]+$|:/.test(name) ? `IP:${name}` : `DNS:${name}`;
    if (!names.includes(entry)) names.push(entry);
  }
  return names;
}

async function makeLeaf(keys: string, scratch: string, order: CertificateOrder): Promise<void> {
  const extensions = join(scratch, 'leaf.ext');
  await writeFile(
    extensions,
    [
      'basicConstraints=critical,CA:FALSE',
      'keyUsage=critical,digitalSignature',
      'extendedKeyUsage=serverAuth',
      'subjectKeyIdentifier=hash',
      'authorityKeyIdentifier=keyid',
      `subjectAltName=${alternativeNames(order).join(',')}`,
    ].join('\n'),
  );
  const request = join(scratch, 'leaf.csr');
  await openssl([
    ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-sha256'],
    ...['-keyout', join(scratch, 'tls.key'), '-out', request, '-subj', '/O=squib/CN=squib endpoints'],
  ]);
  await openssl([
    ...[
      'x509',
      '-req',
      '-in',
      request,
      '-CA',
      join(keys, 'ca.pem'),
      '-CAkey',
      join(keys, 'ca.key'),
      '-sha256',
    ],
    ...['-set_serial', `0x${randomBytes(16).toString('hex').replace(/^./, '1')}`],
    ...['-days', String(leafDays), '-extfile', extensions, '-out', join(scratch, 'tls.pem')],
  ]);
}

function covers(leaf: X509Certificate, authority: X509Certificate, order: CertificateOrder): boolean {
  const held = (leaf.subjectAltName ?? '').replaceAll('IP Address:', 'IP:').split(', ');
  const wanted = alternativeNames(order);
  const same = held.length === wanted.length && wanted.every((name) => held.includes(name));
  return same && lasts(leaf) && leaf.verify(authority.publicKey);
}

/** Makes or renews what is missing in `keys`. Safe after a crash at any point: what does not fit is made again. */
async function refresh(keys: string, order: CertificateOrder): Promise<void> {
  const scratch = await mkdtemp(join(keys, '.new-'));
  try {
    let authority = await readCertificate(join(keys, 'ca.pem'));
    const owner = `CN=squib local CA for ${order.domain}`;
    if (
      !authority?.subject.split('\n').includes(owner) ||
      !lasts(authority) ||
      !(await belongs(authority, join(keys, 'ca.key')))
    ) {
      await makeAuthority(scratch, order.domain);
      await publish(join(scratch, 'ca.key'), join(keys, 'ca.key'));
      await publish(join(scratch, 'ca.pem'), join(keys, 'ca.pem'));
      authority = new X509Certificate(await readFile(join(keys, 'ca.pem')));
    }
    const leaf = await readCertificate(join(keys, 'tls.pem'));
    if (leaf && covers(leaf, authority, order) && (await belongs(leaf, join(keys, 'tls.key')))) return;
    await makeLeaf(keys, scratch, order);
    await publish(join(scratch, 'tls.key'), join(keys, 'tls.key'));
    await publish(join(scratch, 'tls.pem'), join(keys, 'tls.pem'));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/**
 * The local certificate authority and a certificate for all endpoints of a region (spec: networking-and-proxy
 * section 1, certificate), both ECDSA P-256, in `<dataDir>/keys` with mode 0600. Kept ones are used again; the
 * authority changes only with the domain.
 * @throws SquibError when openssl is missing or a kept file is damaged.
 */
export async function ensureCertificates(dataDir: string, order: CertificateOrder): Promise<Certificates> {
  const keys = join(dataDir, 'keys');
  await mkdir(keys, { recursive: true, mode: 0o700 });
  const keyFile = join(keys, 'tls.key');
  const certFile = join(keys, 'tls.pem');
  let cached: { pair: KeyPair; renewAt: number } | undefined;
  const current = async () => {
    if (cached && Date.now() < cached.renewAt) return cached.pair;
    await refresh(keys, order);
    const cert = await readFile(certFile);
    const key = await readFile(keyFile);
    const expiresAt = new X509Certificate(cert).validToDate.getTime();
    cached = { pair: { cert, key }, renewAt: expiresAt - renewDays * day };
    return cached.pair;
  };
  await current();
  return { caFile: join(keys, 'ca.pem'), certFile, keyFile, current };
}
