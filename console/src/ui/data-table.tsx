import { type ReactNode, useState } from 'react';
import { plural } from '../lib/format.ts';

export interface Column<Row> {
  name: string;
  cell(row: Row): ReactNode;
  /** What to sort by; without it the column cannot be sorted by. */
  sort?(row: Row): string | number;
  /** Numbers stand at the right. */
  numeric?: boolean;
  /** Sentences, which may take several lines. */
  prose?: boolean;
  /** Left out where the window is narrow. */
  wide?: boolean;
}

interface DataTableProps<Row> {
  /** For screen readers. */
  label: string;
  columns: Column<Row>[];
  rows: Row[];
  rowKey(row: Row): string;
}

const PAGE_SIZE = 100;

/** A table that sorts and turns pages by itself, so that a thousand rows are as quick as ten. */
export function DataTable<Row>({ label, columns, rows, rowKey }: DataTableProps<Row>) {
  const [order, setOrder] = useState<{ column: number; down: boolean }>();
  const [page, setPage] = useState(0);
  const sorted = order === undefined ? rows : sortRows(rows, columns[order.column]?.sort, order.down);
  const pages = Math.max(1, Math.ceil(sorted.length / PAGE_SIZE));
  const current = Math.min(page, pages - 1);
  const shown = sorted.slice(current * PAGE_SIZE, (current + 1) * PAGE_SIZE);
  const sortBy = (column: number) =>
    setOrder(
      order?.column === column ? (order.down ? undefined : { column, down: true }) : { column, down: false },
    );
  const classOf = ({ numeric, prose, wide }: Column<Row>) =>
    [numeric && 'numeric', prose && 'prose', wide && 'wide-only'].filter(Boolean).join(' ');
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <section className="table-scroll" aria-label={label} tabIndex={0}>
        <table className="data">
          <thead>
            <tr>
              {columns.map((column, at) => {
                const active = order?.column === at;
                const direction = order?.down ? 'descending' : 'ascending';
                return (
                  <th
                    key={column.name}
                    scope="col"
                    className={classOf(column)}
                    aria-sort={active ? direction : undefined}
                  >
                    {column.sort ? (
                      <button type="button" className="sort" onClick={() => sortBy(at)}>
                        {column.name}
                        <span aria-hidden="true">{active ? (order.down ? ' ↓' : ' ↑') : ''}</span>
                      </button>
                    ) : (
                      column.name
                    )}
                  </th>
                );
              })}
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <tr key={rowKey(row)}>
                {columns.map((column) => (
                  <td key={column.name} className={classOf(column)}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {pages > 1 && (
        <nav className="pager" aria-label={`Pages of ${label}`}>
          <span>{plural(sorted.length, 'row')}</span>
          <button
            type="button"
            className="button small"
            disabled={current === 0}
            onClick={() => setPage(current - 1)}
          >
            Previous
          </button>
          <span>
            Page {current + 1} of {pages}
          </span>
          <button
            type="button"
            className="button small"
            disabled={current === pages - 1}
            onClick={() => setPage(current + 1)}
          >
            Next
          </button>
        </nav>
      )}
    </>
  );
}

function sortRows<Row>(rows: Row[], by: Column<Row>['sort'], down: boolean): Row[] {
  if (!by) return rows;
  const sign = down ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [x, y] = [by(a), by(b)];
    return x < y ? -sign : x > y ? sign : 0;
  });
}
