    roundDown(intDiv(toUnixTimestamp64Micro(received_at), 1000000), {edges:Array(Int64)}) AS starts_at
