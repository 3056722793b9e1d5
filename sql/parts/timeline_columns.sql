WITH
    -- include windows
SELECT
    starts_at,
    -- include counts
FROM decisions
