import { stateCommand } from '../change-state.ts';

export const suspend = stateCommand({
  name: 'suspend',
  summary: 'write MicroVMs to disk, where they cost no memory',
  description: `Calls the /suspend hook of each, writes it to disk and waits until that is done. It wakes up with 'squib resume', or with the
next request where its idle policy says so.`,
  operation: 'SuspendMicrovm',
  wanted: 'SUSPENDED',
});
