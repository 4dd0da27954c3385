-- Roles, managed policies and temporary credentials. Records are JSON documents; see their types in the code.

CREATE TABLE roles (
  key TEXT PRIMARY KEY,
  record TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE managedPolicies (
  key TEXT PRIMARY KEY,
  record TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
  accessKeyId TEXT PRIMARY KEY,
  -- Secret access key and session token, sealed with keys/seal.key.
  sealedKeys BLOB NOT NULL,
  -- JSON: whose session it is.
  record TEXT NOT NULL,
  expiresAt INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessionsByExpiry ON sessions (expiresAt);
