import { Link } from 'wouter';
import { Empty } from '../ui/notes.tsx';
import { Page } from '../ui/page.tsx';

export function NotFound() {
  return (
    <Page title="No such page">
      <Empty icon="search" title="There is nothing under this address">
        <p>
          <Link href="/">Go to the overview</Link>
        </p>
      </Empty>
    </Page>
  );
}
