-- One page of an instance's audit trail, newest first. With `skip`, be it 0, in reading order, told apart by the place in
-- the log, and only what comes after the cursor, `below` it; else those of one time come in any order.
SELECT
    -- include event_columns
FROM decisions
WHERE organization_id = {organization:String}
  AND instance_id = {instance:String}
  -- include event_filters
  -- filter by below
ORDER BY received_at DESC
  -- given skip: , partition DESC, offset DESC, position DESC
LIMIT {limit:UInt32}
  -- given skip: OFFSET {skip:UInt64}
SETTINGS optimize_use_projections = 0
