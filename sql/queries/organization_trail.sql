-- One page of the whole organization's audit trail, newest first: what comes after the place of a cursor, in reading order.
SELECT
    -- include event_columns
FROM decisions
WHERE organization_id = {organization:String}
  -- filter by slug
  -- include event_filters
  -- filter by older_than below
ORDER BY received_at DESC
  -- given skip: , partition DESC, offset DESC, position DESC
LIMIT {limit:UInt32}
  -- given skip: OFFSET {skip:UInt64}
SETTINGS optimize_use_projections = 0,
    -- include shared_early
