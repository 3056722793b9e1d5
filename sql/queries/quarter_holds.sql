-- Whether a calendar quarter holds one of these rows.
SELECT 1
FROM decisions
WHERE toYear(received_at) * 10 + toQuarter(received_at) = {quarter:UInt32}
  AND has({last:Array(Tuple(UInt16, UInt64, UInt32))}, (partition, offset, position))
LIMIT 1
