  AND received_at <= fromUnixTimestamp64Micro({older_than:Int64}, 'UTC')
