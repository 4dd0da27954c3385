/** Where a list goes on: `before` is the `seq` (or number) of the last row of the page before. */
export interface PageRequest {
  limit: number;
  before?: number | undefined;
}

/** A page of rows, and whether more follow. */
export interface Page<Row> {
  rows: Row[];
  more: boolean;
}

/** Value of `before` for a first page. */
export const FROM_NEWEST = Number.MAX_SAFE_INTEGER;

/** Cuts the one row that was read beyond the limit to learn whether there are more. */
export function cut<Row>(rows: Row[], limit: number): Page<Row> {
  return { rows: rows.slice(0, limit), more: rows.length > limit };
}
