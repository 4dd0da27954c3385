import { Link } from 'wouter';

/** Where the copies of a fork are. */
export function ForkedList({ items, onClose }: { items: { microvmId: string }[]; onClose: () => void }) {
  return (
    <>
      <ul className="dialog-body plain-list">
        {items.map(({ microvmId }) => (
          <li key={microvmId}>
            <Link href={`/microvms/${microvmId}`} onClick={onClose}>
              <code>{microvmId}</code>
            </Link>
          </li>
        ))}
      </ul>
      <footer>
        <button type="button" className="button primary" onClick={onClose}>
          Done
        </button>
      </footer>
    </>
  );
}
