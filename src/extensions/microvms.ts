import type { Control } from '../control/control.ts';
import type { SquibHandlers } from './squib-model.ts';

/** The operation behind `squib fork`; authorization stands in front of it (`authorizeHandlers`). */
export function microvmHandlers(control: Pick<Control, 'fork'>): Pick<SquibHandlers, 'ForkMicrovm'> {
  return {
    async ForkMicrovm(request, caller) {
      const items = await control.fork(request, caller);
      return {
        items: items.map(({ microvmId = '', state = '', endpoint = '' }) => ({ microvmId, state, endpoint })),
      };
    },
  };
}
