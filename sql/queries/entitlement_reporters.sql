-- The instances whose reports on an entitlement were ever accepted. Answered from the projection `quarter_hours`, not
-- the rows.
SELECT instance_id, count() AS reports
FROM decisions
WHERE organization_id = {organization:String}
  AND entitlement_id = {entitlement:String}
  AND status = 'ACCEPTED'
GROUP BY instance_id
ORDER BY reports DESC
LIMIT {limit:UInt32}
