-- Up to where the table holds every decision: the place of the last command of each partition of the log that is a row, or
-- was passed behind the last row, from the projection `places`; and when the newest row of all was received, from what
-- each part knows of its month.
WITH ended AS
(
    SELECT partition, max((offset, position)) AS last
    FROM decisions
    GROUP BY partition
)
SELECT
    partition,
    max(last) AS last,
    (SELECT max(received_at) FROM decisions) AS newest
FROM
(
    SELECT partition, last
    FROM ended
    UNION ALL
    SELECT partition, (offset, position)
    FROM passed
    WHERE (partition, row_offset, row_position) IN (SELECT partition, last.1, last.2 FROM ended)
       OR row_offset < 0 AND partition NOT IN (SELECT partition FROM ended)
)
GROUP BY partition
ORDER BY partition
