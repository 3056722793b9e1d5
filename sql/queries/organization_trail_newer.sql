-- One page of the whole organization's audit trail, oldest first: what comes before the place of a cursor, in reading
-- order.
SELECT
    -- include event_columns
FROM decisions
WHERE organization_id = {organization:String}
  -- filter by slug
  -- include event_filters
  -- filter by newer_than above
ORDER BY received_at ASC
  -- given skip: , partition ASC, offset ASC, position ASC
LIMIT {limit:UInt32}
  -- given skip: OFFSET {skip:UInt64}
SETTINGS optimize_use_projections = 0,
    -- include shared_early
