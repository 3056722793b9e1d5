    partition, offset, position, received_at, outcome, terms, period, unusual,
    value, uncounted, after, series, number, given_id, metadata, sequence
