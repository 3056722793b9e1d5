          AND toYYYYMM(received_at) >= toYYYYMM(fromUnixTimestamp64Micro({today:Int64} * 1000000, 'UTC'))
          AND intDiv(toUnixTimestamp64Micro(received_at), 900000000) >= intDiv({today:Int64}, 900)
