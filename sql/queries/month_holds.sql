-- Whether a month holds one of these rows.
SELECT 1
FROM decisions
WHERE toYYYYMM(received_at) = {month:UInt32}
  AND has({last:Array(Tuple(UInt16, UInt64, UInt32))}, (partition, offset, position))
LIMIT 1
