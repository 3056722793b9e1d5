WITH
    `intDiv(toUnixTimestamp64Micro(received_at), 900000000)` AS quarter,
    roundDown(quarter * 900, {edges:Array(Int64)}) AS starts_at
SELECT
    starts_at,
    -- include kept_counts
