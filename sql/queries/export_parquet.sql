-- One page of an export for Parquet, to be told as Arrow. Its decimals have 38 digits, the most that every reader of
-- Parquet knows: a value beyond is an error, never another value.
SELECT
    decision_id, organization_id, instance_id, instance_slug, entitlement_id, entitlement_slug, license_id,
    license_slug, license_version, received_at, event_time, status, reason, crossing, behavior, value,
    toDecimal128(before, 12) AS before, toDecimal128(after, 12) AS after, event_count,
    toDecimal128(`limit`, 12) AS `limit`, overage_percent, period_start, period_end, transaction_id, token,
    sequence, partition, offset, position, rolled_over, metadata
FROM audit_events_v1
-- include exported
-- include exported_to
ORDER BY instance_id, received_at, partition, offset, position
SETTINGS
    -- include unmapped
