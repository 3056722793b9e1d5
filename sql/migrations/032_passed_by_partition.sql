-- How far a partition was read without a row is kept once for each: what was noted before says nothing any more, and
-- would be read by every look at how far the rows have come.
DROP TABLE IF EXISTS passed_anew;

CREATE TABLE passed_anew
(
    partition       UInt16,
    row_offset      Int64,
    row_position    Int64,
    offset          UInt64,
    position        UInt32,
    decided_at      UInt64
)
ENGINE = ReplacingMergeTree(decided_at)
ORDER BY partition;

INSERT INTO passed_anew
SELECT partition, row_offset, row_position, offset, position, decided_at
FROM passed;

EXCHANGE TABLES passed_anew AND passed;

DROP TABLE passed_anew SYNC;
