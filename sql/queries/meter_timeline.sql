-- What was decided on an entitlement of an instance in each window of time that anything was in, but for the hours that an
-- edge cuts: from the projection `meter_hours`.
--
-- `edges` are the first seconds of the windows, and of what comes behind; `cut` the hours that are left out.
WITH
    intDiv(toUnixTimestamp64Micro(received_at), 3600000000) AS hour,
    roundDown(hour * 3600, {edges:Array(Int64)}) AS starts_at
SELECT
    starts_at,
    -- include counts
FROM decisions
WHERE organization_id = {organization:String}
  AND instance_id = {instance:String}
  AND entitlement_slug = {entitlement:String}
  AND hour >= {from_hour:Int64}
  AND hour < {before_hour:Int64}
  -- filter by cut
GROUP BY starts_at
SETTINGS preferred_optimize_projection_name = 'meter_hours'
