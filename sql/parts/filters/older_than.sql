  AND received_at <= fromUnixTimestamp64Micro({older_than:Int64}, 'UTC')  -- this by the key, what follows exactly
  AND (received_at, partition, offset, position)
    < (fromUnixTimestamp64Micro({older_than:Int64}, 'UTC'), {at_partition:UInt16}, {at_offset:UInt64}, {at_position:UInt32})
