  AND (toUnixTimestamp64Micro(received_at), partition, offset, position)  -- exactly; by the key it is `until`
    < {below:Tuple(Int64, UInt16, UInt64, UInt32)}
