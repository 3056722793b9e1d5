-- How a meter stood before an hour: of each period that was not over then its bounds (microseconds, null without end), the
-- sequence of its last decision, and the value after it. From `meter_hours`.
SELECT
    toUnixTimestamp64Micro(period_start) AS begins,
    toUnixTimestamp64Micro(period_end) AS ends,
    max((sequence, after)) AS latest
FROM decisions
WHERE organization_id = {organization:String}
  AND instance_id = {instance:String}
  AND entitlement_id = {entitlement:String}
  AND intDiv(toUnixTimestamp64Micro(received_at), 3600000000) < {before_hour:Int64}
  AND (period_end IS NULL OR toUnixTimestamp64Micro(period_end) > {before_hour:Int64} * 3600000000)
GROUP BY period_start, period_end
SETTINGS preferred_optimize_projection_name = 'meter_hours'
