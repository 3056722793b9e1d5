-- What happened on a meter in each window of time that anything happened in, period by period, but for the hours that an
-- edge cuts. Asked of the projection `meter_hours` itself, which every part of the table has: to be told from the
-- question that it answers takes the engine longer than to read it.
--
-- `edges` are the first seconds of the windows, and of what comes behind; `cut` the hours that are left out. A period's
-- bounds are microseconds, null without end; `latest` is the sequence of its last decision there, and the value after it.
WITH
    -- include meter_hours
SELECT
    roundDown(hour * 3600, {edges:Array(Int64)}) AS starts_at,
    toUnixTimestamp64Micro(period_start) AS begins,
    toUnixTimestamp64Micro(period_end) AS ends,
    sumIfMerge(reported),
    minOrNullIfMerge(lowest),
    maxOrNullIfMerge(highest),
    maxMerge(latest),
    -- include kept_counts
FROM mergeTreeProjection(currentDatabase(), decisions, meter_hours)
WHERE organization_id = {organization:String}
  AND instance_id = {instance:String}
  AND entitlement_id = {entitlement:String}
  -- include hours_between
  -- include months_from
  -- include months_before
  -- filter by cut
GROUP BY starts_at, period_start, period_end
-- include without_prewhere
