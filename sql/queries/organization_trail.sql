-- One page of the whole organization's audit trail, newest first: what comes after the place of a cursor, in reading order.
-- A filter that is left out is empty; it folds away before anything is read.
SELECT
    partition, offset, position, received_at, status, instance_id, instance_slug, entitlement_slug,
    value, behavior, event_time, events, before, after, `limit`, overage_percent, period_start, period_end,
    license_id, license_slug, license_version, reason, crossing, rolled_over, transaction_id, metadata, token, sequence
FROM decisions
WHERE organization_id = {organization:String}
  AND received_at >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')
  AND received_at <= fromUnixTimestamp64Micro({until:Int64}, 'UTC')
  AND (received_at, partition, offset, position)
    < (fromUnixTimestamp64Micro({cursor_time:Int64}, 'UTC'), {cursor_partition:UInt16}, {cursor_offset:UInt64}, {cursor_position:UInt32})
  AND status IN {statuses:Array(String)}
  AND ({entitlement:String} = '' OR entitlement_slug = {entitlement:String})
  AND ({words:String} = '' OR hasAllTokens(words, lowerUTF8({words:String})))  -- by the index
  AND arrayAll(term -> position(words, term) > 0, splitByWhitespace(lowerUTF8({words:String})))  -- and as it is written
ORDER BY received_at DESC, partition DESC, offset DESC, position DESC
LIMIT {limit:UInt32} OFFSET {skip:UInt64}
