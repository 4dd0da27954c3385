import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig } from '../../config/config.ts';
import { dataLayout } from '../../config/layout.ts';
import { SquibError } from '../../errors/squib-error.ts';
import { command } from '../command.ts';
import { UsageError } from '../usage-error.ts';

/** Where distributions look for certificates that their administrators add, and what puts them into effect. */
const stores = [
  { folder: '/usr/local/share/ca-certificates', update: ['update-ca-certificates'] },
  { folder: '/etc/pki/ca-trust/source/anchors', update: ['update-ca-trust'] },
  { folder: '/etc/ca-certificates/trust-source/anchors', update: ['trust', 'extract-compat'] },
];

export const trust = command({
  summary: "make this machine trust squib's certificate authority",
  synopsis: ['trust [FILE] [--remove]'],
  description: `Puts the local certificate authority, which signs the endpoints' certificates, into the system's store, so that every program
that uses it accepts them. FILE is the authority of another machine's squib (keys/ca.pem of its data directory). Browsers with
a store of their own (Firefox) take the file by their settings. Needs root. Without this, 'squib env' sets what Node.js,
Python and curl need in one shell.`,
  options: {
    remove: { type: 'boolean', help: 'take it out of the store again' },
    config: { type: 'string', value: 'FILE', complete: 'file', help: 'configuration file' },
  },
  complete: ['file'],
  examples: ['sudo squib trust', 'sudo squib trust ./ca-of-build-server.pem', 'sudo squib trust --remove'],
  async run({ values, positionals }) {
    if (positionals.length > 1) throw new UsageError(`'${positionals[1]}' is not understood.`);
    const file = positionals[0] ?? join(dataLayout(readConfig(values.config).dataDir).keys, 'ca.pem');
    const store = stores.find(({ folder }) => existsSync(folder));
    if (!store) {
      const remedy = `Add it by hand: ${file}. On Debian and Ubuntu install ca-certificates first.`;
      throw new SquibError("This system's certificate store was not found.", remedy);
    }
    const certificate = read(file);
    const place = join(
      store.folder,
      `squib-${certificate.fingerprint256.replaceAll(':', '').slice(0, 12)}.crt`,
    );
    if (values.remove && !existsSync(place)) return console.log('It was not trusted.');
    try {
      if (values.remove) rmSync(place);
      else writeFileSync(place, certificate.toString(), { mode: 0o644 });
    } catch (error) {
      throw new SquibError(`${place} cannot be written.`, 'Use sudo.', { cause: error });
    }
    const [program = '', ...args] = store.update;
    const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
    if (status !== 0) {
      throw new SquibError(
        `${program} failed: ${error?.message ?? stderr.trim()}`,
        `Run it by hand: ${program}`,
      );
    }
    console.log(
      values.remove ? `${place} was removed.` : `This machine trusts the authority of squib now: ${place}`,
    );
  },
});

function read(file: string): X509Certificate {
  let text: Buffer;
  try {
    text = readFileSync(file);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const remedy = missing ? "It is made at the first 'squib up'." : 'Use sudo.';
    throw new SquibError(`${file} cannot be read.`, remedy, { cause: error });
  }
  try {
    return new X509Certificate(text);
  } catch (error) {
    throw new SquibError(`${file} is no certificate.`, 'It must be in PEM form.', { cause: error });
  }
}
