-- Whose a change was, and of what: kept with it, because images, versions and builds go and their history stays.
ALTER TABLE transitions ADD COLUMN account TEXT;
ALTER TABLE transitions ADD COLUMN region TEXT;
-- ARN of the image or connector; for a version, a build or a MicroVM that of its image.
ALTER TABLE transitions ADD COLUMN resource TEXT;
-- Of the image version; null for images and connectors.
ALTER TABLE transitions ADD COLUMN number INTEGER;
CREATE INDEX transitionsByResource ON transitions (resource, seq);

-- Once, for what is written already, as far as it is still known.
DROP TRIGGER transitionsStay;
UPDATE transitions SET account = i.account, region = i.region, resource = i.arn
  FROM images i WHERE kind = 'image' AND i.id = subject;
UPDATE transitions SET account = i.account, region = i.region, resource = i.arn, number = v.number
  FROM versions v JOIN images i ON i.id = v.imageId
  WHERE kind = 'version' AND subject = v.imageId || '/' || v.number;
UPDATE transitions SET account = i.account, region = i.region, resource = i.arn, number = b.number
  FROM builds b JOIN images i ON i.id = b.imageId WHERE kind = 'build' AND b.id = subject;
UPDATE transitions SET account = m.account, region = m.region, resource = m.imageArn, number = m.number
  FROM microvms m WHERE kind = 'microvm' AND m.id = subject;
UPDATE transitions SET account = c.account, region = c.region, resource = c.arn
  FROM connectors c WHERE kind = 'connector' AND c.id = subject;
CREATE TRIGGER transitionsStay BEFORE UPDATE ON transitions
BEGIN SELECT RAISE(ABORT, 'transitions are append-only'); END;
