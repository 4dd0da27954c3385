-- Checkpoint that a MicroVM was made of; null where it was run from the snapshot of its image version.
ALTER TABLE microvms ADD COLUMN forkPoint TEXT;
CREATE INDEX microvmsByFork ON microvms (forkPoint) WHERE forkPoint IS NOT NULL AND state <> 'TERMINATED';
