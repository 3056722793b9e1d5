-- What happened on a meter in each window of time that anything happened in: from the projection `meter_quarters`.
--
-- `edges` are the first seconds of the windows, and of what comes behind.
-- `standings` are the last value of each period that was counted in, with the period's bounds (microseconds, null
-- without end) and the sequence of the decision that left it.
SELECT
    starts_at,
    -- include window_columns
    groupArray((begins, ends, newest, last)) AS standings
FROM
(
    WITH
        -- include windows
    SELECT
        starts_at,
        -- include meter_columns
    FROM decisions
    WHERE organization_id = {organization:String}
      AND instance_id = {instance:String}
      AND entitlement_id = {entitlement:String}
      -- include span
    GROUP BY starts_at, period_start, period_end
)
GROUP BY starts_at
ORDER BY starts_at
SETTINGS preferred_optimize_projection_name = 'meter_quarters'
