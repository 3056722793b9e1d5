-- The decisions of the whole organization between two positions of the log, in log order: what a stream that was cut
-- off catches up with. The positions are arrays, by partition; no more than so many rows of each partition are told.
SELECT
    -- include event_columns
FROM decisions
WHERE organization_id = {organization:String}
  -- include between_positions
