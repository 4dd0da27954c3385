import { Field } from './forms.tsx';

interface CodeFieldProps {
  name: string;
  hint?: string;
  value: string;
  onChange(value: string): void;
  rows?: number;
}

/** JSON to be written by hand; a mistake is told before it is sent. */
export function JsonField({ name, hint, value, onChange, rows = 10 }: CodeFieldProps) {
  return (
    <Field name={name} hint={hint}>
      {(ids) => (
        <textarea
          {...ids}
          rows={rows}
          spellCheck={false}
          required
          value={value}
          onChange={({ target }) => {
            target.setCustomValidity(problemOf(target.value));
            onChange(target.value);
          }}
        />
      )}
    </Field>
  );
}

function problemOf(text: string): string {
  try {
    JSON.parse(text);
    return '';
  } catch (error) {
    return `This is not JSON: ${(error as Error).message}`;
  }
}
