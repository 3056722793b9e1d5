          AND `intDiv(toUnixTimestamp64Micro(received_at), 900000000)` >= intDiv({today:Int64}, 900)
