-- What happened on a meter in each minute that anything happened in, from the instance's rows of that time.
--
-- `standings` are the last value of each period that is not over when the window is, with the period's bounds
-- (microseconds, null without end) and the sequence of the decision that left it.
SELECT
    starts_at,
    -- include window_columns
    groupArrayIf((begins, ends, newest, last), ends IS NULL OR ends >= (starts_at + 60) * 1000000) AS standings
FROM
(
    SELECT
        intDiv(toUnixTimestamp64Micro(received_at), 60000000) * 60 AS starts_at,
        -- include meter_columns
    FROM decisions
    WHERE organization_id = {organization:String}
      AND instance_id = {instance:String}
      AND entitlement_id = {entitlement:String}
      AND received_at >= fromUnixTimestamp64Micro({since:Int64} * 1000000, 'UTC')
      AND received_at < fromUnixTimestamp64Micro({until:Int64} * 1000000, 'UTC')
    GROUP BY starts_at, period_start, period_end
)
GROUP BY starts_at
ORDER BY starts_at
SETTINGS optimize_use_projections = 0
