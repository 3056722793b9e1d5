-- Whether a calendar quarter (`20264` is the last of 2026) holds one of these rows.
SELECT 1
FROM decisions
WHERE _partition_id = toString({quarter:UInt32})
  AND has({last:Array(Tuple(UInt16, UInt64, UInt32))}, (partition, offset, position))
LIMIT 1
