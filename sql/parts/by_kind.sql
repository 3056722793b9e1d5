    multiIf(
        {order:String} = 'accepted', accepted,
        {order:String} = 'rejected', rejected,
        {order:String} = 'read', toUInt64(events - accepted - rejected),
        events
    ) DESC,
