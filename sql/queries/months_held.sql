-- Which organizations have events in which month of before so long, or of the same quarter of an hour: from the projection
-- `organization_quarters`.
SELECT toYYYYMM(fromUnixTimestamp64Second(intDiv(toUnixTimestamp64Micro(received_at), 900000000) * 900, 'UTC')) AS month, organization_id
FROM decisions
WHERE intDiv(toUnixTimestamp64Micro(received_at), 900000000) <= intDiv({until:Int64}, 900000000)
GROUP BY month, organization_id
SETTINGS preferred_optimize_projection_name = 'organization_quarters'
