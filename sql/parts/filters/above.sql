  AND (  -- of its own time
      received_at != fromUnixTimestamp64Micro({newer_than:Int64}, 'UTC')
      OR (partition, offset, position) > {above:Tuple(UInt16, UInt64, UInt32)}
  )
