    partition, offset, position, received_at, status, instance_id, instance_slug, entitlement_slug,
    value, behavior, event_lag, events, adjustment, after, `limit`, overage_percent, period_start, period_end,
    license_id, license_slug, license_version, reason, crossing, rolled_over, transaction_id, metadata, token, sequence
