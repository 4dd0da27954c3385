import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { listenAddresses } from '../../daemon/listen-addresses.ts';

/** A file of systemd. */
export interface Unit {
  name: string;
  text: string;
}

export interface UnitSettings {
  /** Absolute path of `squib`. */
  program: string;
  configFile: string | undefined;
  env: NodeJS.ProcessEnv;
  /** What the configuration says, with ports that are known. */
  api: { host: string; port: number };
  endpoint: { host: string; port: number };
}

export const serviceName = 'squib.service';
export const socketNames = { api: 'squib-api.socket', endpoint: 'squib-endpoint.socket' } as const;

/**
 * The units that run squib at every start of the machine: the service, and a socket for each of its ports, which outlives
 * the daemon. What listens on a name instead of an address, or on any free port, gets no socket: systemd cannot do that.
 */
export function systemdUnits(settings: UnitSettings): Unit[] {
  const sockets = (['api', 'endpoint'] as const)
    .filter((which) => isIP(settings[which].host) !== 0 && settings[which].port !== 0)
    .map((which) => ({ name: socketNames[which], text: socketText(which, settings[which]) }));
  return [{ name: serviceName, text: serviceText(settings, sockets) }, ...sockets];
}

function serviceText({ program, configFile, env }: UnitSettings, sockets: readonly Unit[]): string {
  const config = configFile === undefined ? '' : ` --config ${quote(resolve(configFile))}`;
  const variables = ['SQUIB_CONFIG', 'SQUIB_DATA_DIR', 'SQUIB_CACHE_DIR']
    .filter((variable) => env[variable])
    .map((variable) => `Environment=${quote(`${variable}=${env[variable]}`)}\n`);
  const names = sockets.map(({ name }) => name).join(' ');
  return `[Unit]
Description=squib, AWS Lambda MicroVMs that you run yourself
After=network-online.target${names && ` ${names}`}
Wants=network-online.target
${names && `Requires=${names}\n`}
[Service]
${variables.join('')}ExecStart=${quote(program)} up${config}
Restart=on-failure
RestartSec=2
# MicroVMs outlive the daemon; the next one takes them over.
KillMode=process
TimeoutStopSec=130
LimitNOFILE=1048576
TasksMax=infinity

[Install]
WantedBy=multi-user.target
${names && `Also=${names}\n`}`;
}

/** `FileDescriptorName=` is what squib tells the sockets apart by. */
function socketText(which: 'api' | 'endpoint', { host, port }: { host: string; port: number }): string {
  const addresses = listenAddresses(host).map((address) => (isIP(address) === 6 ? `[${address}]` : address));
  return `[Unit]
Description=squib's ${which === 'api' ? 'API' : 'endpoints of MicroVMs'}; whoever calls while the daemon is restarted waits here

[Socket]
${addresses.map((address) => `ListenStream=${address}:${port}\n`).join('')}FileDescriptorName=${which}
Service=${serviceName}
# An address may come after the start of the machine.
FreeBind=yes

[Install]
WantedBy=sockets.target
`;
}

/** In the way of unit files. */
function quote(text: string): string {
  const plain = text.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w@%+=:,./-]+$/.test(plain)
    ? plain
    : `"${plain.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
