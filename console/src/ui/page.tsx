import { type ReactNode, useEffect } from 'react';

interface PageProps {
  title: string;
  /** Before the title: where it belongs. */
  trail?: ReactNode;
  /** Beside the title. */
  badge?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

/** Heading, actions and contents of one page. */
export function Page({ title, trail, badge, actions, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · squib`;
  }, [title]);
  return (
    <main id="main" tabIndex={-1}>
      <header className="page-head">
        <div>
          {trail && <p className="trail">{trail}</p>}
          <div className="page-title">
            <h1>{title}</h1>
            {badge}
          </div>
        </div>
        {actions && <div className="actions">{actions}</div>}
      </header>
      {children}
    </main>
  );
}

/** A part of a page with a heading of its own. */
export function Panel({
  title,
  actions,
  children,
}: {
  title: string;
  actions?: ReactNode;
  children: ReactNode;
}) {
  return (
    <section className="panel" aria-label={title}>
      <header className="panel-head">
        <h2>{title}</h2>
        {actions}
      </header>
      {children}
    </section>
  );
}

/** Names and values. */
export function Facts({ children }: { children: ReactNode }) {
  return <dl className="facts">{children}</dl>;
}

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
