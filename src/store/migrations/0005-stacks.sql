-- CloudFormation stacks and change sets. Records are JSON documents; see their types in the code.

CREATE TABLE stacks (
  -- The stack's ARN.
  key TEXT PRIMARY KEY,
  record TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE changeSets (
  -- The change set's ARN.
  key TEXT PRIMARY KEY,
  record TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE stackEvents (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  stackId TEXT NOT NULL,
  record TEXT NOT NULL
) STRICT;
CREATE INDEX stackEventsByStack ON stackEvents (stackId, seq);
