-- How far each partition of the log has come into the table: the place of its last command here, and where the record
-- that brought it stands in the topic `decisions`. Answered from the projection `places`, not the rows.
SELECT
    partition,
    max((offset, position)) AS last,
    max(decided_at) AS decided_at
FROM decisions
GROUP BY partition
SETTINGS preferred_optimize_projection_name = 'places', max_threads = 1
