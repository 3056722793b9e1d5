  AND instance_id <= {to_instance:String}
  AND (instance_id < {to_instance:String} OR received_at <= fromUnixTimestamp64Micro({to_time:Int64}, 'UTC'))
  AND (instance_id, received_at, partition, offset, position)
   <= ({to_instance:String}, fromUnixTimestamp64Micro({to_time:Int64}, 'UTC'), {to_partition:UInt16}, {to_offset:UInt64}, {to_position:UInt32})
