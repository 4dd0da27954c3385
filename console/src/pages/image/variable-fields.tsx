import { Group } from '../../ui/forms.tsx';
import { Icon } from '../../ui/icons.tsx';

interface VariableFieldsProps {
  variables: [name: string, value: string][];
  onChange(variables: [name: string, value: string][]): void;
}

/** Names and values of the environment. */
export function VariableFields({ variables, onChange }: VariableFieldsProps) {
  const change = (at: number, pair: [string, string]) =>
    onChange(variables.map((each, index) => (index === at ? pair : each)));
  return (
    <Group name="Environment variables">
      {variables.map(([name, value], at) => (
        <div key={at} className="pair field">
          <input
            aria-label={`Name of variable ${at + 1}`}
            placeholder="NAME"
            pattern="[A-Za-z_][A-Za-z0-9_]*"
            required
            value={name}
            onChange={(event) => change(at, [event.target.value, value])}
          />
          <input
            aria-label={`Value of variable ${at + 1}`}
            placeholder="value"
            value={value}
            onChange={(event) => change(at, [name, event.target.value])}
          />
          <button
            type="button"
            className="icon-button"
            aria-label={`Remove variable ${at + 1}`}
            onClick={() => onChange(variables.filter((_, index) => index !== at))}
          >
            <Icon name="close" />
          </button>
        </div>
      ))}
      <div>
        <button type="button" className="button small" onClick={() => onChange([...variables, ['', '']])}>
          <Icon name="plus" />
          Add a variable
        </button>
      </div>
    </Group>
  );
}
