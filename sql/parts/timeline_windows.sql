  AND intDiv(toUnixTimestamp64Micro(received_at), 900000000) >= intDiv({since:Int64}, 900)
  AND intDiv(toUnixTimestamp64Micro(received_at), 900000000) < intDiv({until:Int64}, 900)
GROUP BY starts_at
