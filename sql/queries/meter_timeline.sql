-- What was decided on an entitlement of an instance in each window of time that anything was in, but for the hours that an
-- edge cuts: asked of the projection `usage_hours`.
--
-- `edges` are the first seconds of the windows, and of what comes behind; `cut` the hours that are left out, and
-- `first_quarter` and `last_quarter` the calendar quarters that the windows lie in.
WITH
    -- include usage_hours
SELECT
    roundDown(hour * 3600, {edges:Array(Int64)}) AS starts_at,
    -- include hour_counts
FROM mergeTreeProjection(currentDatabase(), decisions, usage_hours)
WHERE startsWith(meter, concat({organization:String}, ' ', {instance:String}, ' '))
  AND entitlement_slug = {entitlement:String}
  -- As in `usage_history`, not by the key.
  AND identity(hour) >= {from_hour:Int64}
  AND identity(hour) < {before_hour:Int64}
  AND _partition_id >= toString({first_quarter:UInt32})
  -- filter by last_quarter cut
GROUP BY starts_at
-- include without_prewhere
