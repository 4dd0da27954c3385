-- Parameters of Systems Manager. Records are JSON documents; see src/store/parameter-records.ts.

CREATE TABLE parameters (
  -- The parameter's name.
  key TEXT PRIMARY KEY,
  record TEXT NOT NULL
) STRICT, WITHOUT ROWID;
