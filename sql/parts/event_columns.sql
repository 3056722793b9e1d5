    partition, offset, position, received_at, outcome, terms, period, instance_id, instance_slug,
    value, event_lag, uncounted, adjustment, after, rolled_over, series, number, given_id, metadata, token, sequence
