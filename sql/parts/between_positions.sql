  AND offset BETWEEN {lowest:UInt64} AND {highest:UInt64}  -- by the index
  AND partition < length({until_offsets:Array(Int64)})
  AND (toInt64(offset), toInt64(position))
    > (arrayElement({since_offsets:Array(Int64)}, partition + 1), arrayElement({since_positions:Array(Int64)}, partition + 1))
  AND (toInt64(offset), toInt64(position))
   <= (arrayElement({until_offsets:Array(Int64)}, partition + 1), arrayElement({until_positions:Array(Int64)}, partition + 1))
ORDER BY partition, offset, position
LIMIT {limit:UInt32}
