import { Icon } from './icons.tsx';

interface FilterBarProps {
  label: string;
  text: string;
  onText(text: string): void;
  groups?: { name: string; count: number }[];
  group?: string;
  onGroup?(group: string): void;
}

/** A search field and buttons for groups of rows, each with its number. */
export function FilterBar({ label, text, onText, groups = [], group, onGroup }: FilterBarProps) {
  return (
    <div className="filter-bar">
      <label className="search">
        <Icon name="search" />
        <span className="off-screen">{label}</span>
        <input
          type="search"
          placeholder={label}
          value={text}
          onChange={(event) => onText(event.target.value)}
        />
      </label>
      {groups.length > 0 && (
        <fieldset className="groups">
          <legend className="off-screen">Show</legend>
          {groups.map(({ name, count }) => (
            <button key={name} type="button" aria-pressed={group === name} onClick={() => onGroup?.(name)}>
              {name} <span className="count">{count.toLocaleString('en-US')}</span>
            </button>
          ))}
        </fieldset>
      )}
    </div>
  );
}
