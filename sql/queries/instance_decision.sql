-- One decision of an instance by its place in the log; the index on offsets leaves all but a few granules unread.
SELECT
    partition, offset, position, received_at, status, instance_id, instance_slug, entitlement_slug,
    value, behavior, event_time, events, before, after, `limit`, overage_percent, period_start, period_end,
    license_id, license_slug, license_version, reason, crossing, rolled_over, transaction_id, metadata, token, sequence
FROM decisions
WHERE organization_id = {organization:String}
  AND instance_id = {instance:String}
  AND partition = {partition:UInt16}
  AND offset = {offset:UInt64}
  AND position = {position:UInt32}
LIMIT 1
