-- The decisions of the whole organization between two positions of the log, by partition and in log order, so many of
-- them: what a stream that was cut off catches up with. The positions are arrays, by partition, and not far apart.
SELECT
    -- include event_columns
FROM decisions
WHERE organization_id = {organization:String}
  -- include event_filters
  -- include between_positions
SETTINGS optimize_use_projections = 0
