    `intDiv(toUnixTimestamp64Micro(received_at), 3600000000)` AS hour,
    `sumIf(toDecimal256(ifNull(value, 0), 12), equals(status, 'ACCEPTED'))` AS reported,
    `minOrNullIf(after, ifNull(and(lessOrEquals(period_start, received_at), less(received_at, period_end)), 1))` AS lowest,
    `maxOrNullIf(after, ifNull(and(lessOrEquals(period_start, received_at), less(received_at, period_end)), 1))` AS highest,
    `max(tuple(sequence, after))` AS latest
