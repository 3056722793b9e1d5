-- How a meter stood before an hour: of each period that was not over then its bounds (microseconds, null without end), the
-- sequence of its last decision, and the value after it. Asked of the projection `meter_hours` itself,
-- condition by condition: nearly all periods were over.
WITH
    -- include meter_hours
SELECT
    toUnixTimestamp64Micro(period_start) AS begins,
    toUnixTimestamp64Micro(period_end) AS ends,
    maxMerge(latest)
FROM mergeTreeProjection(currentDatabase(), decisions, meter_hours)
WHERE organization_id = {organization:String}
  AND instance_id = {instance:String}
  AND entitlement_id = {entitlement:String}
  AND hour < {before_hour:Int64}
  -- include months_before
  AND (period_end IS NULL OR toUnixTimestamp64Micro(period_end) > {before_hour:Int64} * 3600000000)
GROUP BY period_start, period_end
