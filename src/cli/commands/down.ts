import { readConfig } from '../../config/config.ts';
import { command } from '../command.ts';
import { daemonPid, stopDaemon } from '../daemon/local-daemon.ts';
import { stopUnits, unitIsActive } from '../daemon/systemd.ts';
import { Progress } from '../progress.ts';

export const down = command({
  summary: 'stop the squib of this machine; MicroVMs run on',
  synopsis: ['down [--config FILE]'],
  description: `Stops the daemon, also one that systemd runs. What is under way is finished first. MicroVMs keep running, without endpoints,
until the next 'squib up' takes them over; 'squib rm' before ends them.`,
  options: { config: { type: 'string', value: 'FILE', help: 'configuration file' } },
  examples: ['sudo squib down'],
  async run({ values }) {
    const { dataDir } = readConfig(values.config);
    const pid = daemonPid(dataDir);
    if (pid === undefined) return console.log('squib is not up.');
    const progress = new Progress(process.stderr);
    const timer = setInterval(() => progress.status('squib is stopping'), 200);
    try {
      // Otherwise systemd would start it again.
      if (unitIsActive(pid)) stopUnits();
      await stopDaemon(dataDir, pid);
    } finally {
      clearInterval(timer);
      progress.end();
    }
    console.log('squib is down.');
  },
});
