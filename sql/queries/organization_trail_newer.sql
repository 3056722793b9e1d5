-- One page of the whole organization's audit trail, oldest first. With `skip`, be it 0, against reading order, told apart by
-- the place in the log, and only what comes before the cursor, `above` it; else those of one time come in any order.
SELECT
    -- include event_columns
FROM decisions
WHERE organization_id = {organization:String}
  -- filter by slug
  -- include event_filters
  -- filter by above
ORDER BY received_at ASC
  -- given skip: , partition ASC, offset ASC, position ASC
LIMIT {limit:UInt32}
  -- given skip: OFFSET {skip:UInt64}
SETTINGS optimize_use_projections = 0,
    -- include shared_early
