-- One page of an instance's audit trail, oldest first: what comes before the place of a cursor, in reading order.
SELECT
    -- include event_columns
FROM decisions
WHERE organization_id = {organization:String}
  AND instance_id = {instance:String}
  -- include event_filters
  -- filter by newer_than above
ORDER BY received_at ASC
  -- given skip: , partition ASC, offset ASC, position ASC
LIMIT {limit:UInt32}
  -- given skip: OFFSET {skip:UInt64}
SETTINGS optimize_use_projections = 0
