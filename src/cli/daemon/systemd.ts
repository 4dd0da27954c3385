import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { SquibError } from '../../errors/squib-error.ts';

const name = 'squib.service';
const file = `/etc/systemd/system/${name}`;

/**
 * The unit that runs squib at every start of the machine.
 * @param program absolute path of `squib`
 */
export function unitText(program: string, configFile: string | undefined, env: NodeJS.ProcessEnv): string {
  const config = configFile === undefined ? '' : ` --config ${quote(resolve(configFile))}`;
  const settings = ['SQUIB_CONFIG', 'SQUIB_DATA_DIR', 'SQUIB_CACHE_DIR']
    .filter((variable) => env[variable])
    .map((variable) => `Environment=${quote(`${variable}=${env[variable]}`)}\n`);
  return `[Unit]
Description=squib, AWS Lambda MicroVMs that you run yourself
After=network-online.target
Wants=network-online.target

[Service]
${settings.join('')}ExecStart=${quote(program)} up${config}
Restart=on-failure
RestartSec=2
# MicroVMs outlive the daemon; the next one takes them over.
KillMode=process
TimeoutStopSec=130
LimitNOFILE=1048576
TasksMax=infinity

[Install]
WantedBy=multi-user.target
`;
}

/** In the way of unit files. */
function quote(text: string): string {
  const plain = text.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w@%+=:,./-]+$/.test(plain)
    ? plain
    : `"${plain.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** Writes the unit and starts it, now and at every start of the machine. @throws SquibError */
export function installUnit(text: string): void {
  if (!existsSync('/run/systemd/system')) {
    throw new SquibError(
      'This machine is not run by systemd.',
      "Use 'squib up --detach', or an init script of your own.",
    );
  }
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new SquibError(`${file} cannot be written.`, 'Use sudo.', { cause: error });
  }
  systemctl('daemon-reload');
  systemctl('enable', '--now', name);
}

/** Whether systemd runs this process as squib's unit. */
export function unitIsActive(pid: number): boolean {
  const { stdout, error } = spawnSync('systemctl', ['show', '--property=MainPID', '--value', name], {
    encoding: 'utf8',
  });
  return !error && Number(stdout) === pid;
}

/** Stops the unit until the next start of the machine. */
export function stopUnit(): void {
  systemctl('stop', name);
}

function systemctl(...args: string[]): void {
  const { status, stderr, error } = spawnSync('systemctl', args, { encoding: 'utf8' });
  if (status === 0) return;
  const why = error?.message ?? stderr.trim();
  throw new SquibError(`systemctl ${args.join(' ')} failed: ${why}`, `Look at it: systemctl status ${name}`);
}
