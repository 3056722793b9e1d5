  AND toYYYYMM(received_at) >= toYYYYMM(fromUnixTimestamp64Micro({since:Int64} * 1000000, 'UTC'))
  AND toYYYYMM(received_at) <= toYYYYMM(fromUnixTimestamp64Micro({until:Int64} * 1000000, 'UTC'))
