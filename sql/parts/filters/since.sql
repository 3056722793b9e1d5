  AND received_at >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')
