-- Up to when retention took each organization's events, in microseconds.
SELECT organization_id, toUnixTimestamp64Micro(max(until))
FROM expiries
GROUP BY organization_id
