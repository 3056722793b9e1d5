-- Where a page of an export ends: the place of its last row, so many behind the last page's, in the order of the key.
-- None when fewer are left. An instance that is left out is empty: the whole organization.
SELECT instance_id, toUnixTimestamp64Micro(received_at), partition, offset, position
FROM audit_events_v1
-- include exported
ORDER BY instance_id, received_at, partition, offset, position
LIMIT 1 OFFSET {skip:UInt64}
SETTINGS
    -- include unmapped
