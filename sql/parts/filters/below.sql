  AND (  -- of its own time
      received_at != fromUnixTimestamp64Micro({older_than:Int64}, 'UTC')
      OR (partition, offset, position) < {below:Tuple(UInt16, UInt64, UInt32)}
  )
