import type { Control } from '../control/control.ts';
import type { BrowserLinks } from '../ingress/browser-links.ts';
import type { MicrovmHandlers } from './squib-model.ts';

/** squib's own operations on MicroVMs; authorization stands in front of them (`authorizeHandlers`). */
export function microvmHandlers(
  control: Pick<Control, 'fork' | 'usage' | 'allUsage' | 'browserGrant'>,
  links: Pick<BrowserLinks, 'make'>,
): MicrovmHandlers {
  return {
    async ForkMicrovm(request, caller) {
      const items = await control.fork(request, caller);
      return {
        items: items.map(({ microvmId = '', state = '', endpoint = '' }) => ({ microvmId, state, endpoint })),
      };
    },
    GetMicrovmUsage: ({ microvmIdentifier }, caller) => control.usage(microvmIdentifier, caller),
    async ListMicrovmUsage(_request, caller) {
      return { items: await control.allUsage(caller) };
    },
    async CreateBrowserLink(request, caller) {
      const { grant, endpoint, path } = control.browserGrant(request, caller);
      const link = links.make(grant, path);
      return {
        url: `https://${endpoint}${link.path}`,
        openBy: new Date(link.openBy),
        expiresAt: new Date(grant.expiresAt),
      };
    },
  };
}
