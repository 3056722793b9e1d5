-- One page of an instance's audit trail, newest first: what comes after the place of a cursor, in reading order.
SELECT
    -- include event_columns
FROM decisions
WHERE organization_id = {organization:String}
  AND instance_id = {instance:String}
  -- include event_filters
  -- filter by older_than below
ORDER BY received_at DESC
  -- given skip: , partition DESC, offset DESC, position DESC
LIMIT {limit:UInt32}
  -- given skip: OFFSET {skip:UInt64}
SETTINGS optimize_use_projections = 0
