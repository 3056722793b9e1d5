WITH
    `intDiv(toUnixTimestamp64Micro(received_at), 900000000)` AS quarter_hour,
    roundDown(quarter_hour * 900, {edges:Array(Int64)}) AS starts_at
SELECT
    starts_at,
    -- include kept_counts
