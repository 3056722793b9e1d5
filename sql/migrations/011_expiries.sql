-- What retention took from the audit trail: everything of an organization that was received before `until`. Noted before
-- it is taken, so that whoever misses a row finds out why.
CREATE TABLE IF NOT EXISTS expiries
(
    organization_id     String,
    until               DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(until)
ORDER BY organization_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
