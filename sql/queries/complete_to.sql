-- Up to where the rows hold every decision: the place of the last command of each partition of the log that is a row, and
-- when the newest of those rows was received. Answered from the projection `places`, not the rows.
SELECT
    partition,
    max((offset, position)) AS last,
    max(received_at) AS newest
FROM decisions
GROUP BY partition
SETTINGS preferred_optimize_projection_name = 'places', max_threads = 1,
    -- include unmapped
