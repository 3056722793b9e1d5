  AND intDiv(toUnixTimestamp64Micro(received_at), 3600000000) IN {cut:Array(Int64)}
  AND received_at < fromUnixTimestamp64Micro({until:Int64} * 1000000, 'UTC')
