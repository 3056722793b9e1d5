  AND received_at >= fromUnixTimestamp64Micro({newer_than:Int64}, 'UTC')
