-- For each calendar quarter (`20264` is the last of 2026), the organizations with events up to the end of the quarter of an
-- hour that `until` lies in: from the projection `organization_quarters`.
WITH fromUnixTimestamp64Second(intDiv(toUnixTimestamp64Micro(received_at), 900000000) * 900, 'UTC') AS moment
SELECT toYear(moment) * 10 + toQuarter(moment) AS quarter, organization_id
FROM decisions
WHERE intDiv(toUnixTimestamp64Micro(received_at), 900000000) <= intDiv({until:Int64}, 900000000)
GROUP BY quarter, organization_id
SETTINGS preferred_optimize_projection_name = 'organization_quarters'
