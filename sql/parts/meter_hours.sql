(
    SELECT
        organization_id, instance_id, entitlement_id, period_start, period_end,
        `intDiv(toUnixTimestamp64Micro(received_at), 3600000000)` AS hour,
        `count()` AS events,
        `countIf(equals(status, 'ACCEPTED'))` AS accepted,
        `countIf(equals(status, 'REJECTED'))` AS rejected,
        `sumIf(toDecimal256(ifNull(value, 0), 12), equals(status, 'ACCEPTED'))` AS reported,
        `minOrNullIf(after, ifNull(and(lessOrEquals(period_start, received_at), less(received_at, period_end)), 1))` AS lowest,
        `maxOrNullIf(after, ifNull(and(lessOrEquals(period_start, received_at), less(received_at, period_end)), 1))` AS highest,
        `max(tuple(sequence, after))` AS latest
    FROM mergeTreeProjection(currentDatabase(), decisions, meter_hours)
    WHERE _partition_id <= toString(toYYYYMM(fromUnixTimestamp64Second({before_hour:Int64} * 3600, 'UTC')))
      -- filter by from_hour
)
