-- Rows that go on where those of their lane end, and there alone: a compare-and-swap. A sink that was frozen with an
-- INSERT on its way, and comes with it after another has gone on, is refused: 'moved'. Of two that begin at the same end
-- at the same time, one goes in: they bear the same insert_deduplication_token.
INSERT INTO decisions
(
    received_at, partition, offset, position, decided_ahead,
    organization_id, instance_id, instance_slug, entitlement_id, entitlement_slug,
    license_id, license_slug, license_version, `limit`, overage_percent,
    token, behavior, event_lag, value, transaction, metadata,
    status, sequence, adjustment, after, uncounted, period_start, period_end,
    reason, crossing, rolled_over
)
SELECT *
FROM @block
WHERE throwIf(
    (
        SELECT arraySort(groupArray((partition, last.1, last.2)))
        FROM
        (
            SELECT partition, max((offset, position)) AS last
            FROM decisions
            WHERE partition IN {lane:Array(UInt16)}
            GROUP BY partition
        )
    ) != {ends:Array(Tuple(UInt16, UInt64, UInt32))},
    'moved'
) = 0
