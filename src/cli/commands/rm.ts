import { stateCommand } from '../change-state.ts';

export const rm = stateCommand({
  name: 'rm',
  summary: 'terminate MicroVMs and remove their files',
  description: `Calls the /terminate hook of each, ends it, removes its files and waits until that is done. There is no way back; its logs and
events stay. 'squib images rm' removes images.`,
  operation: 'TerminateMicrovm',
  wanted: 'TERMINATED',
});
