-- Which organizations have events in which month of before so long.
SELECT DISTINCT toYYYYMM(received_at) AS month, organization_id
FROM decisions
WHERE received_at < fromUnixTimestamp64Micro({until:Int64}, 'UTC')
