-- One page of an export, as CSV without its header.
SELECT
    decision_id, organization_id, instance_id, instance_slug, entitlement_id, entitlement_slug, license_id,
    license_slug, license_version, received_at, event_time, status, reason, crossing, behavior, value, before,
    after, event_count, `limit`, overage_percent, period_start, period_end, transaction_id, token, sequence,
    partition, offset, position, rolled_over, metadata
FROM audit_events_v1
-- include exported
-- include exported_to
ORDER BY instance_id, received_at, partition, offset, position
SETTINGS date_time_output_format = 'iso', format_csv_null_representation = '',
    -- include unmapped
