-- What counts as activity besides the endpoint, by MicroVM id or image ARN.
CREATE TABLE activityPolicies (key TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID;
