-- How far each partition of the log was read behind a row, without another: the row's place (-1 before the first), the
-- place of the last command passed, and where the record that brought it stands in the topic `decisions`.
SELECT
    partition,
    (row_offset, row_position) AS behind,
    max((offset, position)) AS last,
    max(decided_at) AS decided_at
FROM passed
GROUP BY partition, row_offset, row_position
