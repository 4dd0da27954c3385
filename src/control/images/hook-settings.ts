import type { Hooks } from '../../aws/models/lambda-microvms.ts';
import { hooksPortAlone, hooksPortMissing, readyHookMissing } from '../errors.ts';
import type { HookSettings } from '../host.ts';

/** Decision L2: what an enabled hook gets without a timeout, in seconds. The lenient reading of two sources. */
const defaults = { ready: 60, validate: 30, run: 1, resume: 1, suspend: 1, terminate: 1 };

type HookName = keyof typeof defaults;

const imageHooks = ['ready', 'validate'] as const;
const runtimeHooks = ['run', 'resume', 'suspend', 'terminate'] as const;

/**
 * Hooks as the host takes them: defaults filled in, disabled ones absent.
 * @throws ServiceError for combinations that AWS refuses (spec: lifecycle-and-hooks 4.4).
 */
export function hookSettings(hooks: Hooks | undefined): HookSettings {
  const settings: HookSettings = {};
  const take = (name: HookName, state: string | undefined, timeoutSeconds: number | undefined) => {
    if (state === 'ENABLED') settings[name] = { timeoutSeconds: timeoutSeconds ?? defaults[name] };
  };
  for (const name of imageHooks) {
    const group = hooks?.microvmImageHooks;
    take(name, group?.[name], group?.[`${name}TimeoutInSeconds`]);
  }
  for (const name of runtimeHooks) {
    const group = hooks?.microvmHooks;
    take(name, group?.[name], group?.[`${name}TimeoutInSeconds`]);
  }
  const enabled = Object.keys(settings).length > 0;
  if (runtimeHooks.some((name) => settings[name]) && !settings.ready) throw readyHookMissing();
  if (enabled && hooks?.port === undefined) throw hooksPortMissing();
  if (!enabled && hooks?.port !== undefined) throw hooksPortAlone();
  if (hooks?.port !== undefined) settings.port = hooks.port;
  return settings;
}
