-- Since when an organization's events are kept, in microseconds: no row, or one.
SELECT toUnixTimestamp64Micro(max(until))
FROM expiries
WHERE organization_id = {organization:String}
GROUP BY organization_id
