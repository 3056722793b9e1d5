-- How far each partition of the log was read behind a row, without another: the row's place (-1 before the first), the
-- place of the last command passed, and where the record that brought it stands in the topic `decisions`. Of one that was
-- noted more than once, the last goes furthest; it comes last.
SELECT
    partition,
    (row_offset, row_position) AS behind,
    (offset, position) AS last,
    decided_at
FROM passed
ORDER BY decided_at
SETTINGS
    -- include unmapped
