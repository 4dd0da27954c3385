import type { Handlers } from '../../aws/handlers.ts';
import type { Commands } from '../../control/microvms/commands.ts';
import type { CommandOperations } from '../command-model.ts';
import type { CommandSockets } from './command-sockets.ts';

/** The operations behind `squib exec` and `squib cp`; authorization stands in front of them (`authorizeHandlers`). */
export function commandHandlers(commands: Commands, sockets: CommandSockets): Handlers<CommandOperations> {
  return {
    async ExecMicrovm({ microvmIdentifier }, caller) {
      commands.check(microvmIdentifier, caller);
      return { accept: sockets.accept(microvmIdentifier, caller) };
    },
    async GetMicrovmFiles({ microvmIdentifier, path }, caller) {
      return { stream: await commands.read(microvmIdentifier, path, caller) };
    },
    async PutMicrovmFiles({ microvmIdentifier, path, body }, caller) {
      await commands.write(microvmIdentifier, path, body!, caller);
      return {};
    },
  };
}
