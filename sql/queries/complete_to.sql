-- Up to where the table holds every decision: the place of the last command of each partition of the log, from the
-- projection `places`, and when the newest of all was received, from what each part knows of its month.
SELECT
    partition,
    max((offset, position)) AS last,
    (SELECT max(received_at) FROM decisions) AS newest
FROM decisions
GROUP BY partition
ORDER BY partition
