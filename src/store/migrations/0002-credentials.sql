-- Credentials beside the root's; one user each.
CREATE TABLE credentials (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  accessKeyId TEXT NOT NULL UNIQUE,
  userId TEXT NOT NULL UNIQUE,
  userName TEXT NOT NULL UNIQUE,
  -- The secret access key, sealed with keys/seal.key.
  sealedSecret BLOB NOT NULL,
  -- IAM policy document (JSON) as it was given.
  policyDocument TEXT NOT NULL,
  enabled INTEGER NOT NULL,
  createdAt INTEGER NOT NULL,
  -- Null: never.
  expiresAt INTEGER
) STRICT;
