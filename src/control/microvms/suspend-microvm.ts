import type { Operation } from '../context.ts';
import { ask } from './ask.ts';

/** SuspendMicrovm: answers when SUSPENDING is recorded; the host writes memory and disk afterwards. */
export const suspendMicrovm: Operation<'SuspendMicrovm'> = (context, { microvmIdentifier }, caller) => {
  ask(context, caller, microvmIdentifier, 'suspend', 'SuspendMicrovm');
  return {};
};
