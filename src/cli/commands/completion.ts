import { SquibError } from '../../errors/squib-error.ts';
import { findConnection } from '../api/connection.ts';
import { listImages, listMicrovms } from '../api/lists.ts';
import { shortId } from '../api/lookup.ts';
import { command, connectionOptions } from '../command.ts';
import { completionScript, type ShellName, shells } from '../completion/script.ts';
import { UsageError } from '../usage-error.ts';

export const completion = command({
  summary: 'print the completion script for bash, zsh or fish',
  synopsis: ['completion bash|zsh|fish'],
  description: `The script completes commands, options, and the ids and images of the squib that is asked. Put the line of your shell into its
start-up file:

  bash   eval "$(squib completion bash)"
  zsh    eval "$(squib completion zsh)"
  fish   squib completion fish | source`,
  options: { ...connectionOptions },
  complete: [shells],
  examples: ['echo \'eval "$(squib completion bash)"\' >> ~/.bashrc'],
  async run({ values, positionals }) {
    const [what, kind] = positionals;
    // For the scripts themselves.
    if (what === 'values') return offer(kind, values);
    if (!shells.includes(what as ShellName)) {
      throw new UsageError(what === undefined ? 'SHELL is missing.' : `There is no script for '${what}'.`);
    }
    process.stdout.write(await completionScript(what as ShellName));
  },
});

/** Ids or images, one a line; nothing where squib cannot be asked: who presses Tab wants no errors. */
async function offer(kind: string | undefined, choice: Parameters<typeof findConnection>[0]): Promise<void> {
  try {
    const connection = findConnection(choice);
    if (kind === 'image') for (const { name } of await listImages(connection)) console.log(name);
    if (kind === 'microvm') {
      for (const { microvmId, state } of await listMicrovms(connection)) {
        if (state !== 'TERMINATED') console.log(shortId(microvmId));
      }
    }
  } catch (error) {
    if (!(error instanceof SquibError)) throw error;
  }
}
