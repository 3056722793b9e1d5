-- How far a partition was read without a row is kept once for each: what was noted before says nothing any more, and
-- would be read by every look at how far the rows have come.
--
-- In one step, by however many at once. What a sink notes meanwhile is noted again by the next, while the log has it.
CREATE OR REPLACE TABLE passed
ENGINE = ReplacingMergeTree(decided_at)
ORDER BY partition
AS
SELECT partition, row_offset, row_position, offset, position, decided_at
FROM passed;
