WITH
    roundDown(intDiv(toUnixTimestamp64Micro(received_at), 900000000) * 900, {edges:Array(Int64)}) AS starts_at
SELECT
    starts_at,
    -- include counts
FROM decisions
