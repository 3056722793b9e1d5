WHERE organization_id = {organization:String}
  AND ({instance:String} = '' OR instance_id = {instance:String})
  AND received_at >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')
  AND received_at < fromUnixTimestamp64Micro({until:Int64}, 'UTC')
  AND status IN {statuses:Array(String)}
  AND ({entitlement:String} = '' OR entitlement_slug = {entitlement:String})
  AND ({token:String} = '' OR token = {token:String})
  AND instance_id >= {after_instance:String}  -- these two by the key, what follows exactly
  AND (instance_id > {after_instance:String} OR received_at >= fromUnixTimestamp64Micro({after_time:Int64}, 'UTC'))
  AND (instance_id, received_at, partition, offset, position)
    > ({after_instance:String}, fromUnixTimestamp64Micro({after_time:Int64}, 'UTC'), {after_partition:UInt16}, {after_offset:UInt64}, {after_position:UInt32})
