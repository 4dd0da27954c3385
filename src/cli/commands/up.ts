import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readConfig } from '../../config/config.ts';
import { SquibError } from '../../errors/squib-error.ts';
import { command } from '../command.ts';
import { startDetached } from '../daemon/detach.ts';
import { firstFreePort } from '../daemon/first-free-port.ts';
import { daemonPid } from '../daemon/local-daemon.ts';
import {
  installedEndpointPort,
  installUnits,
  requireSystemd,
  stopUnits,
  unitIsActive,
} from '../daemon/systemd.ts';
import { systemdUnits } from '../daemon/systemd-units.ts';
import { UsageError } from '../usage-error.ts';

export const up = command({
  summary: 'start squib, in the foreground or in the background',
  synopsis: ['up [--config FILE]', 'up --detach [--config FILE]', 'up --systemd [--print] [--config FILE]'],
  description: `Starts the API and the endpoints of all MicroVMs. In the foreground log lines go to standard error as JSON, and Ctrl-C or SIGTERM
stops the daemon. --detach leaves it running in the background, with its log in the data directory. --systemd has systemd run
it now and at every start of the machine, and hold its ports while it is restarted; give it again after a change of hosts or ports
in the configuration. MicroVMs keep running when squib stops, and are taken over at the next start. Needs
root and a finished 'squib setup'.`,
  options: {
    detach: { type: 'boolean', short: 'd', help: 'return once it is up' },
    systemd: { type: 'boolean', help: 'install and start systemd units' },
    print: { type: 'boolean', help: 'only print the units' },
    'skip-unsupported': {
      type: 'boolean',
      help: 'make CloudFormation stacks without resources whose types squib does not have, instead of refusing them',
    },
    config: { type: 'string', value: 'FILE', complete: 'file', help: 'configuration file' },
  },
  examples: ['sudo squib up', 'sudo squib up --detach', 'sudo squib up --systemd', 'journalctl -u squib -f'],
  async run({ values }) {
    const { config: file, detach, systemd, print } = values;
    if (detach && systemd) throw new UsageError('--detach and --systemd exclude each other.');
    if (print && !systemd) throw new UsageError('--print goes with --systemd.');
    const skipUnsupported = values['skip-unsupported'];
    if (systemd && skipUnsupported) {
      throw new UsageError('With --systemd, use the setting cloudFormation.skipUnsupported.');
    }
    const config = readConfig(file);
    if (skipUnsupported) config.cloudFormation = { skipUnsupported };
    if (systemd) {
      if (!print) makeWay(config.dataDir);
      const { host, port } = config.endpoint;
      const units = systemdUnits({
        program: realpathSync(fileURLToPath(new URL('../../../bin/squib', import.meta.url))),
        ...{ configFile: file, env: process.env, api: config.api },
        endpoint: { host, port: port || (installedEndpointPort() ?? (await firstFreePort(host))) },
      });
      if (print)
        return void process.stdout.write(units.map(({ name, text }) => `# ${name}\n${text}`).join('\n'));
      installUnits(units);
      console.log('squib runs now and at every start of the machine. Its log: journalctl -u squib');
      return;
    }
    if (detach) {
      const { said, logFile } = await startDetached(config.dataDir, [
        ...(file === undefined ? [] : ['--config', file]),
        ...(skipUnsupported ? ['--skip-unsupported'] : []),
      ]);
      console.log(said);
      console.log(`Its log is ${logFile}; 'squib down' stops it.`);
      console.log(`Point AWS clients at it:  eval "$(sudo squib env)"`);
      return;
    }
    const { startDaemon } = await import('../../daemon/start.ts');
    const daemon = await startDaemon(config, (line) => process.stderr.write(`${line}\n`));
    // In one piece: whoever started this may stop reading after the first line.
    console.log(
      `squib is up: API ${daemon.apiUrl}, endpoints on port ${daemon.endpointPort}, ${daemon.engine}\n` +
        'Point AWS clients at it:  eval "$(squib env)"',
    );
    const stop = (signal: NodeJS.Signals) => {
      process.off(signal, stop);
      daemon.stop().then(() => process.exit(0));
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
  },
});

/** Stops what systemd runs already, so that it starts with the new units. @throws SquibError */
function makeWay(dataDir: string): void {
  requireSystemd();
  const pid = daemonPid(dataDir);
  if (pid === undefined) return;
  if (!unitIsActive(pid)) {
    throw new SquibError(
      `squib is up already, without systemd (process ${pid}).`,
      "Stop it first: 'squib down'.",
    );
  }
  stopUnits();
}
