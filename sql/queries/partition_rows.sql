-- The rows of one partition of the log between two of its offsets, in log order and whole: what a verification reads.
-- Instants are microseconds, as the sink wrote them.
SELECT
    toUnixTimestamp64Micro(received_at), partition, offset, position, decided_ahead,
    organization_id, instance_id, instance_slug, entitlement_id, entitlement_slug,
    license_id, license_slug, license_version, `limit`, overage_percent,
    token, behavior, event_lag, value, transaction_id, metadata,
    status, sequence, adjustment, after, uncounted, toUnixTimestamp64Micro(period_start), toUnixTimestamp64Micro(period_end),
    reason, crossing, rolled_over
FROM decisions
WHERE partition = {partition:UInt16}
  AND offset BETWEEN {since:UInt64} AND {until:UInt64}
ORDER BY offset, position
SETTINGS
    -- include unmapped
