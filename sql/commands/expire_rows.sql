-- Take an organization's events of before so long, in the background; what is counted of them goes with them. Not the last
-- row of a partition of the log, which tells the sinks where to go on.
ALTER TABLE decisions DELETE
WHERE organization_id = {organization:String}
  AND received_at < fromUnixTimestamp64Micro({until:Int64}, 'UTC')
  AND NOT has({last:Array(Tuple(UInt16, UInt64, UInt32))}, (partition, offset, position))
