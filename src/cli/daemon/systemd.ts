import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SquibError } from '../../errors/squib-error.ts';
import { serviceName, socketNames, type Unit } from './systemd-units.ts';

const folder = '/etc/systemd/system';
const allNames = [...Object.values(socketNames), serviceName];

/** @throws SquibError where there is no systemd */
export function requireSystemd(): void {
  if (existsSync('/run/systemd/system')) return;
  throw new SquibError(
    'This machine is not run by systemd.',
    "Use 'squib up --detach', or an init script of your own.",
  );
}

/** Writes the units and starts them, now and at every start of the machine. They are stopped. @throws SquibError */
export function installUnits(units: readonly Unit[]): void {
  const names = units.map(({ name }) => name);
  try {
    for (const { name, text } of units) writeFileSync(join(folder, name), text);
    for (const name of installed().filter((each) => !names.includes(each))) {
      systemctl('disable', name); // of an earlier configuration
      rmSync(join(folder, name));
    }
  } catch (error) {
    if (error instanceof SquibError) throw error;
    throw new SquibError(`${folder} cannot be written.`, 'Use sudo.', { cause: error });
  }
  systemctl('daemon-reload');
  // Sockets first: systemd starts none of a service that runs already.
  systemctl('enable', '--now', ...names.filter((name) => name !== serviceName), serviceName);
}

/** The port that the socket of the endpoints has, where its unit is installed. */
export function installedEndpointPort(): number | undefined {
  const file = join(folder, socketNames.endpoint);
  if (!existsSync(file)) return undefined;
  const port = /^ListenStream=.*:(\d+)$/m.exec(readFileSync(file, 'utf8'))?.[1];
  return port === undefined ? undefined : Number(port);
}

/** Whether systemd runs this process as squib's unit. */
export function unitIsActive(pid: number): boolean {
  const { stdout, error } = spawnSync('systemctl', ['show', '--property=MainPID', '--value', serviceName], {
    encoding: 'utf8',
  });
  return !error && Number(stdout) === pid;
}

/** Stops the units until the next start of the machine. A socket that was left would start the service again. */
export function stopUnits(): void {
  systemctl('stop', ...installed());
}

const installed = () => allNames.filter((name) => existsSync(join(folder, name)));

function systemctl(...args: string[]): void {
  const { status, stderr, error } = spawnSync('systemctl', args, { encoding: 'utf8' });
  if (status === 0) return;
  const why = error?.message ?? stderr.trim();
  throw new SquibError(
    `systemctl ${args.join(' ')} failed: ${why}`,
    `Look at it: systemctl status ${serviceName}`,
  );
}
