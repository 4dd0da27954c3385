import { useState } from 'react';
import { copyText } from '../lib/copy.ts';
import { Icon } from './icons.tsx';

const shownMs = 1500;

/** A text in a typewriter's face with a button that copies all of it, shortened or not. */
export function Copyable({ text, shown = text, label }: { text: string; shown?: string; label?: string }) {
  return (
    <span className="copyable">
      <code title={shown === text ? undefined : text}>{shown}</code>
      <CopyButton text={text} label={label ?? text} />
    </span>
  );
}

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await copyText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), shownMs);
  };
  return (
    <button
      type="button"
      className="icon-button copy"
      aria-label={copied ? 'Copied' : `Copy ${label}`}
      title={copied ? 'Copied' : 'Copy'}
      onClick={() => void copy()}
    >
      <Icon name={copied ? 'check' : 'copy'} />
    </button>
  );
}
