-- What happened on a meter in each window of time that anything happened in, period by period, but for the hours that an
-- edge cuts. Asked of the projection `meter_hours` itself, which every part of the table has: to be told from the
-- question that it answers takes the engine longer than to read it.
--
-- `edges` are the first seconds of the windows, and of what comes behind; `cut` the hours that are left out. A period's
-- bounds are microseconds, null without end; `latest` is the sequence of its last decision there, and the value after it.
SELECT
    roundDown(hour * 3600, {edges:Array(Int64)}) AS starts_at,
    toUnixTimestamp64Micro(period_start) AS begins,
    toUnixTimestamp64Micro(period_end) AS ends,
    countMerge(events),
    countIfMerge(accepted),
    countIfMerge(rejected),
    sumIfMerge(reported),
    minOrNullIfMerge(lowest),
    maxOrNullIfMerge(highest),
    maxMerge(latest)
FROM
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
    WHERE _partition_id >= toString(toYYYYMM(fromUnixTimestamp64Second({from_hour:Int64} * 3600, 'UTC')))
      AND _partition_id <= toString(toYYYYMM(fromUnixTimestamp64Second({before_hour:Int64} * 3600, 'UTC')))
)
WHERE organization_id = {organization:String}
  AND instance_id = {instance:String}
  AND entitlement_id = {entitlement:String}
  AND hour >= {from_hour:Int64}
  AND hour < {before_hour:Int64}
  -- filter by cut
GROUP BY starts_at, period_start, period_end
