  AND received_at <= fromUnixTimestamp64Micro({until:Int64}, 'UTC')
