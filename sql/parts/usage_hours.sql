    `toLowCardinality(concatWithSeparator(' ', organization_id, instance_id, entitlement_id))` AS meter,
    `intDiv(toUnixTimestamp64Micro(received_at), 3600000000)` AS hour,
    `countIfForEach(array(1, equals(status, 'ACCEPTED'), equals(status, 'REJECTED')))` AS counts,
    `sumIf(toDecimal256(ifNull(value, 0), 12), equals(status, 'ACCEPTED'))` AS reported,
    `maxForEach(if(ifNull(and(lessOrEquals(period_start, received_at), less(received_at, period_end)), 1), array(after, negate(after)), []))` AS stood,
    `max(tuple(sequence, after))` AS latest,
    maxForEachMerge(stood) AS stood_between,
    countIfForEachMerge(counts) AS counted
