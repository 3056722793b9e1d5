-- Whether an organization has events of before a moment: no row, or one. Partitions of later quarters are left out.
SELECT 1
FROM decisions
WHERE organization_id = {organization:String}
  AND received_at < fromUnixTimestamp64Micro({until:Int64}, 'UTC')
LIMIT 1
