-- Decisions that leave no row (lookups, repeated answers, what could not be decided) are passed: behind the row at
-- (row_offset, row_position), up to the command at (offset, position), nothing in this partition of the log becomes a
-- row; decided_at is where the record that says so stands in `decisions`. Where a partition has no row, its row_offset
-- is -1. True of the log for ever, so it needs no fence; it counts for as long as that row is the partition's last.
CREATE TABLE IF NOT EXISTS passed
(
    partition       UInt16,
    row_offset      Int64,
    row_position    Int64,
    offset          UInt64,
    position        UInt32,
    decided_at      UInt64
)
ENGINE = ReplacingMergeTree(decided_at)
ORDER BY (partition, row_offset, row_position);

-- An INSERT of decisions that was checked against the end of the rows, and then took its time, is known by its token for
-- as many further ones: more than can come in the minute that one may take.
ALTER TABLE decisions MODIFY SETTING non_replicated_deduplication_window = 10000;
