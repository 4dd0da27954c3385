import type { Operation } from '../context.ts';
import { ask } from './ask.ts';

/** TerminateMicrovm: succeeds in every state, also a second time. */
export const terminateMicrovm: Operation<'TerminateMicrovm'> = (context, { microvmIdentifier }, caller) => {
  ask(context, caller, microvmIdentifier, 'terminate', 'TerminateMicrovm');
  return {};
};
