import type { Operation } from '../context.ts';
import { ask } from './ask.ts';

/** ResumeMicrovm: answers when the wish is recorded; allowed whatever the idle policy says. */
export const resumeMicrovm: Operation<'ResumeMicrovm'> = (context, { microvmIdentifier }, caller) => {
  ask(context, caller, microvmIdentifier, 'resume', 'ResumeMicrovm');
  return {};
};
