-- What was decided for an instance in each window of time that anything was in: from the projection `meter_quarters`.
--
-- Windows come in runs of equal width: `runs` are the runs' first seconds, `widths` the seconds of a window in each.
WITH
    intDiv(toUnixTimestamp64Micro(received_at), 900000000) AS quarter,
    roundDown(quarter * 900, {runs:Array(Int64)}) AS run,
    transform(run, {runs:Array(Int64)}, {widths:Array(Int64)}, 1) AS width
SELECT
    run + intDiv(quarter * 900 - run, width) * width AS starts_at,
    count() AS events,
    countIf(status = 'ACCEPTED') AS accepted,
    countIf(status = 'REJECTED') AS rejected
FROM decisions
WHERE organization_id = {organization:String}
  AND instance_id = {instance:String}
  AND quarter >= intDiv({since:Int64}, 900)
  AND quarter < intDiv({until:Int64}, 900)
  AND ({entitlement:String} = '' OR entitlement_slug = {entitlement:String})
GROUP BY starts_at
ORDER BY starts_at
