import { stateCommand } from '../change-state.ts';

export const resume = stateCommand({
  name: 'resume',
  summary: 'wake suspended MicroVMs up',
  description: 'Restores each from disk, calls its /resume hook and waits until it runs.',
  operation: 'ResumeMicrovm',
  wanted: 'RUNNING',
});
