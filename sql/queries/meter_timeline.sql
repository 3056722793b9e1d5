-- What was decided on an entitlement of an instance in each window of time that anything was in, but for the hours that an
-- edge cuts: asked of the projection `meter_hours`.
--
-- `edges` are the first seconds of the windows, and of what comes behind; `cut` the hours that are left out.
WITH
    -- include meter_hours
SELECT
    roundDown(hour * 3600, {edges:Array(Int64)}) AS starts_at,
    -- include kept_counts
FROM mergeTreeProjection(currentDatabase(), decisions, meter_hours)
WHERE organization_id = {organization:String}
  AND instance_id = {instance:String}
  AND entitlement_slug = {entitlement:String}
  -- include hours_between
  -- include months_from
  -- include months_before
  -- filter by cut
GROUP BY starts_at
-- include without_prewhere
