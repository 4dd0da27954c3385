import { SquibError } from '../../errors/squib-error.ts';
import { callLambda } from '../api/aws.ts';
import { findConnection, localConfig } from '../api/connection.ts';
import { listImages, listMicrovms } from '../api/lists.ts';
import { command, connectionOptions, jsonOption } from '../command.ts';
import { daemonPid } from '../daemon/local-daemon.ts';
import { printFields, printJson } from '../print.ts';

export const status = command({
  summary: 'show whether squib is up, and what it holds',
  synopsis: ['status [--json]'],
  description:
    'Asks squib whether it is up and counts what it holds. Ends with code 1 when it does not answer.',
  options: { ...jsonOption, ...connectionOptions },
  examples: ['squib status', 'squib status --profile build-server'],
  async run({ values }) {
    const config = localConfig(values);
    const pid = config && daemonPid(config.dataDir);
    if (config && pid === undefined) {
      throw new SquibError(
        `squib is not up (data directory ${config.dataDir}).`,
        "Start it: 'sudo squib up --detach'.",
      );
    }
    const connection = findConnection(values);
    const [microvms, images] = [await listMicrovms(connection), await listImages(connection)];
    await callLambda(connection, 'ListManagedMicrovmImages', {});
    const count = (state: string) => microvms.filter((microvm) => microvm.state === state).length;
    const states = ['PENDING', 'RUNNING', 'SUSPENDING', 'SUSPENDED', 'TERMINATING'];
    const counts = Object.fromEntries(states.map((state) => [state, count(state)]));
    const building = images.filter(({ state }) => state === 'CREATING' || state === 'UPDATING').length;
    const { endpoint, region } = connection;
    const facts = {
      endpoint,
      region,
      ...(pid !== undefined && { pid }),
      ...(config && { dataDir: config.dataDir }),
    };
    if (values.json)
      return printJson({ up: true, ...facts, microvms: counts, images: images.length, building });
    const shown = states.filter((state) => state === 'RUNNING' || state === 'SUSPENDED' || counts[state]);
    printFields({
      squib: `is up at ${endpoint}`,
      Region: region,
      Process: pid === undefined ? undefined : String(pid),
      Data: config?.dataDir,
      MicroVMs: shown.map((state) => `${counts[state]} ${state.toLowerCase()}`).join(', '),
      Images: `${images.length}${building > 0 ? `, ${building} being built` : ''}`,
    });
  },
});
