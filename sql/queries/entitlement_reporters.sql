-- The instances whose reports on an entitlement were ever accepted. Answered from the projection `meters`, not the rows.
SELECT instance_id, countIf(status = 'ACCEPTED') AS reports
FROM decisions
WHERE organization_id = {organization:String}
  AND entitlement_id = {entitlement:String}
GROUP BY instance_id
HAVING reports > 0
ORDER BY reports DESC
LIMIT {limit:UInt32}
SETTINGS preferred_optimize_projection_name = 'meters'
