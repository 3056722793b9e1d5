-- What happened on a meter in each window of time that anything happened in: from the projection `meter_quarters`.
--
-- Windows come in runs of equal width: `runs` are the runs' first seconds, `widths` the seconds of a window in each.
-- `standings` are the last value of each period that is not over when the window is, with the period's bounds
-- (microseconds, null without end) and the sequence of the decision that left it.
SELECT
    starts_at,
    -- include window_columns
    groupArrayIf((begins, ends, newest, last), ends IS NULL OR ends >= (starts_at + width) * 1000000) AS standings
FROM
(
    WITH
        -- include windows
    SELECT
        width,
        starts_at,
        -- include meter_columns
    FROM decisions
    WHERE organization_id = {organization:String}
      AND instance_id = {instance:String}
      AND entitlement_id = {entitlement:String}
      -- include months
    GROUP BY width, starts_at, period_start, period_end
    -- include span
)
GROUP BY starts_at, width
ORDER BY starts_at
SETTINGS preferred_optimize_projection_name = 'meter_quarters'
