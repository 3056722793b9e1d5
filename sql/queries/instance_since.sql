-- The decisions of an instance between two positions of the log, in log order: what a stream that was cut off catches up
-- with. The positions are arrays, by partition; no more than so many rows of each partition are told.
SELECT
    -- include event_columns
FROM decisions
WHERE organization_id = {organization:String}
  AND instance_id = {instance:String}
  AND status IN {statuses:Array(String)}
  AND ({entitlement:String} = '' OR entitlement_slug = {entitlement:String})
  AND offset BETWEEN {lowest:UInt64} AND {highest:UInt64}  -- by the index
  AND partition < length({until_offsets:Array(Int64)})
  AND (toInt64(offset), toInt64(position))
    > (arrayElement({since_offsets:Array(Int64)}, partition + 1), arrayElement({since_positions:Array(Int64)}, partition + 1))
  AND (toInt64(offset), toInt64(position))
   <= (arrayElement({until_offsets:Array(Int64)}, partition + 1), arrayElement({until_positions:Array(Int64)}, partition + 1))
ORDER BY partition, offset, position
LIMIT {limit:UInt32} BY partition
