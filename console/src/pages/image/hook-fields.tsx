import type { Hooks } from '../../../../src/aws/models/lambda-microvms.ts';
import { Check, Field, Group } from '../../ui/forms.tsx';

const names = ['ready', 'validate', 'run', 'suspend', 'resume', 'terminate'] as const;
export type HookName = (typeof names)[number];

/** Which hooks are called; each with its time-out in seconds, or undefined. */
export interface HookForm {
  port: string;
  on: Partial<Record<HookName, string>>;
}

export const noHooks: HookForm = { port: '9000', on: {} };

const meaning: Record<HookName, string> = {
  ready: 'before the snapshot: the application is up',
  validate: 'in a copy of the snapshot: it works',
  run: 'a MicroVM starts, with its payload',
  suspend: 'before it is written to disk',
  resume: 'after it came back',
  terminate: 'before it ends',
};

/** As AWS has them, in seconds. */
const limits: Record<HookName, { usual: string; most: number }> = {
  ready: { usual: '120', most: 3600 },
  validate: { usual: '120', most: 3600 },
  run: { usual: '30', most: 60 },
  suspend: { usual: '30', most: 60 },
  resume: { usual: '30', most: 60 },
  terminate: { usual: '30', most: 60 },
};

interface HookFieldsProps {
  hooks: HookForm;
  onChange(hooks: HookForm): void;
}

export function HookFields({ hooks, onChange }: HookFieldsProps) {
  const { port, on } = hooks;
  const turn = (name: HookName, seconds: string | undefined) => {
    const { [name]: _, ...others } = on;
    onChange({ port, on: seconds === undefined ? others : { ...others, [name]: seconds } });
  };
  return (
    <Group name="Lifecycle hooks">
      <p className="hint">Paths of the application that squib calls, each by its name, on one port.</p>
      {names.map((name) => (
        <div key={name} className="hook">
          <Check
            name={`/${name}`}
            hint={meaning[name]}
            checked={on[name] !== undefined}
            onChange={(checked) => turn(name, checked ? limits[name].usual : undefined)}
          />
          {on[name] !== undefined && (
            <Field name={`Seconds for /${name}`}>
              {(ids) => (
                <input
                  {...ids}
                  type="number"
                  min={1}
                  max={limits[name].most}
                  required
                  value={on[name]}
                  onChange={(event) => turn(name, event.target.value)}
                />
              )}
            </Field>
          )}
        </div>
      ))}
      {Object.keys(on).length > 0 && (
        <Field name="Port of the hooks">
          {(ids) => (
            <input
              {...ids}
              type="number"
              min={1}
              max={65535}
              required
              value={port}
              onChange={(event) => onChange({ port: event.target.value, on })}
            />
          )}
        </Field>
      )}
    </Group>
  );
}

const ofImage = (name: HookName) => name === 'ready' || name === 'validate';

/** The member `hooks` of the API; undefined where none is called. */
export function hooksOf({ port, on }: HookForm): Hooks | undefined {
  const chosen = names.filter((name) => on[name] !== undefined);
  if (chosen.length === 0) return undefined;
  const group = (of: (name: HookName) => boolean) =>
    Object.fromEntries(
      chosen.filter(of).flatMap((name) => [
        [name, 'ENABLED'],
        [`${name}TimeoutInSeconds`, Number(on[name])],
      ]),
    );
  return {
    port: Number(port),
    microvmImageHooks: group(ofImage),
    microvmHooks: group((name) => !ofImage(name)),
  };
}

/** The form of a version's hooks. */
export function hookFormOf(hooks: Hooks | undefined): HookForm {
  const all: Record<string, unknown> = { ...hooks?.microvmImageHooks, ...hooks?.microvmHooks };
  const on = names
    .filter((name) => all[name] === 'ENABLED')
    .map((name) => [name, String(all[`${name}TimeoutInSeconds`] ?? limits[name].usual)]);
  return { port: String(hooks?.port ?? 9000), on: Object.fromEntries(on) };
}
