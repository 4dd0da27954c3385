-- Times are epoch milliseconds. Lists are read by `seq`, newest first (keyset paging).

CREATE TABLE images (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  arn TEXT NOT NULL UNIQUE,
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  -- Unique over all accounts and regions: the files of an image lie under its name.
  name TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL,
  -- Number of the newest version ever made; a number is never used twice.
  lastNumber INTEGER NOT NULL,
  createdAt INTEGER NOT NULL,
  updatedAt INTEGER NOT NULL
) STRICT;
CREATE INDEX imagesByOwner ON images (account, region, seq);

CREATE TABLE versions (
  imageId TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  state TEXT NOT NULL,
  status TEXT NOT NULL,
  stateReason TEXT,
  memoryMiB INTEGER NOT NULL,
  -- What the request asked for, with every default filled in (JSON, members as in the API).
  settings TEXT NOT NULL,
  createdAt INTEGER NOT NULL,
  updatedAt INTEGER NOT NULL,
  PRIMARY KEY (imageId, number)
) STRICT;
CREATE INDEX versionsActive ON versions (imageId, number) WHERE status = 'ACTIVE';
CREATE INDEX versionsFailed ON versions (imageId, number) WHERE state = 'FAILED';

CREATE TABLE builds (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  imageId TEXT NOT NULL,
  number INTEGER NOT NULL,
  -- Identity of the build VM; a restarted build gets a new one.
  microvmId TEXT NOT NULL,
  state TEXT NOT NULL,
  stateReason TEXT,
  memorySnapshotSizeInBytes INTEGER,
  codeInstallSizeInBytes INTEGER,
  diskSnapshotSizeInBytes INTEGER,
  createdAt INTEGER NOT NULL,
  FOREIGN KEY (imageId, number) REFERENCES versions (imageId, number) ON DELETE CASCADE
) STRICT;
CREATE INDEX buildsByVersion ON builds (imageId, number, seq);
CREATE INDEX buildsInFlight ON builds (seq) WHERE state IN ('PENDING', 'IN_PROGRESS');

-- A MicroVM outlives its image in lists, so it refers to it by value.
CREATE TABLE microvms (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  -- First label of the endpoint's host name.
  endpointId TEXT NOT NULL UNIQUE,
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  imageId TEXT NOT NULL,
  imageArn TEXT NOT NULL,
  imageName TEXT NOT NULL,
  number INTEGER NOT NULL,
  memoryMiB INTEGER NOT NULL,
  -- The API's states and RESUMING, which the API shows as SUSPENDED.
  state TEXT NOT NULL,
  -- When `state` was entered.
  stateSince INTEGER NOT NULL,
  stateReason TEXT,
  executionRoleArn TEXT,
  -- The idle policy; all three are null without one. Seconds.
  maxIdleSeconds INTEGER,
  suspendedSeconds INTEGER,
  autoResume INTEGER,
  maximumDurationSeconds INTEGER NOT NULL,
  -- JSON arrays of ARNs.
  ingress TEXT NOT NULL,
  egress TEXT NOT NULL,
  -- JSON: {hooks, logging} as the host takes them.
  settings TEXT NOT NULL,
  -- Kept only until the MicroVM runs.
  runHookPayload TEXT,
  startedAt INTEGER NOT NULL,
  terminatedAt INTEGER
) STRICT;
CREATE INDEX microvmsByOwner ON microvms (account, region, seq);
CREATE INDEX microvmsAlive ON microvms (imageId, number, state, memoryMiB) WHERE state <> 'TERMINATED';

CREATE TABLE connectors (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  arn TEXT NOT NULL UNIQUE,
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  -- JSON, members as in the API.
  configuration TEXT NOT NULL,
  operatorRole TEXT NOT NULL,
  state TEXT NOT NULL,
  stateReason TEXT,
  lastUpdateStatus TEXT,
  lastUpdateStatusReason TEXT,
  lastModified INTEGER NOT NULL,
  UNIQUE (account, region, name)
) STRICT;
CREATE INDEX connectorsByOwner ON connectors (account, region, seq);

CREATE TABLE tags (
  arn TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (arn, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE clientTokens (
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  operation TEXT NOT NULL,
  token TEXT NOT NULL,
  -- SHA-256 of the request, hexadecimal.
  request TEXT NOT NULL,
  -- The answer, as v8.serialize writes it.
  answer BLOB NOT NULL,
  createdAt INTEGER NOT NULL,
  PRIMARY KEY (account, region, operation, token)
) STRICT, WITHOUT ROWID;

-- Every change of state, why, and when; never changed afterwards.
CREATE TABLE transitions (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  -- image | version | build | microvm | connector
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  fromState TEXT,
  toState TEXT NOT NULL,
  reason TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX transitionsBySubject ON transitions (kind, subject, seq);
CREATE TRIGGER transitionsStay BEFORE UPDATE ON transitions
BEGIN SELECT RAISE(ABORT, 'transitions are append-only'); END;
CREATE TRIGGER transitionsKept BEFORE DELETE ON transitions
BEGIN SELECT RAISE(ABORT, 'transitions are append-only'); END;
