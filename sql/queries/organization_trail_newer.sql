-- One page of the whole organization's audit trail, oldest first: what comes before the place of a cursor, in reading
-- order.
-- A filter that is left out is empty; it folds away before anything is read.
SELECT
    -- include event_columns
FROM decisions
WHERE organization_id = {organization:String}
  AND (
        {instance:String} = ''
        OR instance_id IN  -- by the name that it had last: what the table is sorted by
        (
            SELECT instance_id
            FROM decisions
            WHERE organization_id = {organization:String}
            GROUP BY instance_id, entitlement_slug, entitlement_id
            HAVING argMax(instance_slug, sequence) = {instance:String}
        )
  )
  -- include event_filters
  AND received_at >= fromUnixTimestamp64Micro({cursor_time:Int64}, 'UTC')  -- this by the key, what follows exactly
  AND (received_at, partition, offset, position)
    > (fromUnixTimestamp64Micro({cursor_time:Int64}, 'UTC'), {cursor_partition:UInt16}, {cursor_offset:UInt64}, {cursor_position:UInt32})
ORDER BY received_at ASC, partition ASC, offset ASC, position ASC
LIMIT {limit:UInt32} OFFSET {skip:UInt64}
