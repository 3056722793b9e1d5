    partition, offset, position, received_at, outcome, terms, period_series, unusual,
    value, uncounted, after, number, given_id, metadata, sequence
