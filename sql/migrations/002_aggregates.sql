-- Counts and values over time, kept inside the parts whose rows they are of: they can't disagree with them.
--
-- Time is counted in quarters of an hour since 1970, of which the hours, days and months of every time zone are made.

-- Its counts are in the projections below, in a third of the rows.
ALTER TABLE decisions DROP PROJECTION IF EXISTS quarter_hours;

-- What happened on a meter in a quarter of an hour, for each period that was counted in: nearly always one.
ALTER TABLE decisions ADD PROJECTION IF NOT EXISTS meter_quarters
(
    SELECT
        organization_id, instance_id, entitlement_slug, entitlement_id,
        intDiv(toUnixTimestamp64Micro(received_at), 900000000), period_start, period_end,
        count(),
        countIf(status = 'ACCEPTED'),
        countIf(status = 'REJECTED'),
        sumIf(toDecimal256(ifNull(value, 0), 12), status = 'ACCEPTED'),
        minOrNullIf(after, ifNull(period_start <= received_at AND received_at < period_end, 1)),
        maxOrNullIf(after, ifNull(period_start <= received_at AND received_at < period_end, 1)),
        max(sequence),
        argMax(after, sequence)
    GROUP BY
        organization_id, instance_id, entitlement_slug, entitlement_id,
        intDiv(toUnixTimestamp64Micro(received_at), 900000000), period_start, period_end
)
WITH SETTINGS (index_granularity = 1024);  -- a row here is wide: reading past a meter's last one costs most

-- The same counts of all that an instance has, of an entitlement over all instances, and of everything: the more there
-- is in a quarter of an hour, the more they spare.
ALTER TABLE decisions ADD PROJECTION IF NOT EXISTS instance_quarters
(
    SELECT
        organization_id, instance_id, intDiv(toUnixTimestamp64Micro(received_at), 900000000),
        count(),
        countIf(status = 'ACCEPTED'),
        countIf(status = 'REJECTED')
    GROUP BY
        organization_id, instance_id, intDiv(toUnixTimestamp64Micro(received_at), 900000000)
);

ALTER TABLE decisions ADD PROJECTION IF NOT EXISTS entitlement_quarters
(
    SELECT
        organization_id, entitlement_slug, intDiv(toUnixTimestamp64Micro(received_at), 900000000),
        count(),
        countIf(status = 'ACCEPTED'),
        countIf(status = 'REJECTED')
    GROUP BY
        organization_id, entitlement_slug, intDiv(toUnixTimestamp64Micro(received_at), 900000000)
);

ALTER TABLE decisions ADD PROJECTION IF NOT EXISTS organization_quarters
(
    SELECT
        organization_id, intDiv(toUnixTimestamp64Micro(received_at), 900000000),
        count(),
        countIf(status = 'ACCEPTED'),
        countIf(status = 'REJECTED')
    GROUP BY
        organization_id, intDiv(toUnixTimestamp64Micro(received_at), 900000000)
);

-- All of a meter's time, and where it stood last: in the newest period that it counted in.
ALTER TABLE decisions ADD PROJECTION IF NOT EXISTS meters
(
    SELECT
        organization_id, instance_id, entitlement_slug, entitlement_id,
        count(),
        countIf(status = 'ACCEPTED'),
        countIf(status = 'REJECTED'),
        max(received_at),
        argMax(instance_slug, sequence),
        max((
            ifNull(toUnixTimestamp64Micro(period_start), 0), sequence, after, limit,
            ifNull(toUnixTimestamp64Micro(period_end), 9223372036854775807)
        ))
    GROUP BY
        organization_id, instance_id, entitlement_slug, entitlement_id
);

ALTER TABLE decisions MATERIALIZE PROJECTION meter_quarters;
ALTER TABLE decisions MATERIALIZE PROJECTION instance_quarters;
ALTER TABLE decisions MATERIALIZE PROJECTION entitlement_quarters;
ALTER TABLE decisions MATERIALIZE PROJECTION organization_quarters;
ALTER TABLE decisions MATERIALIZE PROJECTION meters;
