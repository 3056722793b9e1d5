-- One decision of an instance by its place in the log; the index on offsets leaves all but a few granules unread.
SELECT
    -- include event_columns
FROM decisions
WHERE organization_id = {organization:String}
  AND instance_id = {instance:String}
  AND partition = {partition:UInt16}
  AND offset = {offset:UInt64}
  AND position = {position:UInt32}
LIMIT 1
SETTINGS optimize_use_projections = 0
