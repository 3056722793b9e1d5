-- What a history reads in every month is a granule or more of every column that it asks: so whose meter it is, the counts,
-- and the two ends of where it stood are a column each. Written beside `meter_hours`, whose place it takes.
--
-- In the background, for which every process waits before it reads. Killed amid that, the engine goes on with it.
ALTER TABLE decisions
    -- What happened on a meter in an hour, for each period that was counted in: nearly always one. A window that begins or
    -- ends amid an hour takes that hour from the rows. Of the two ends the lower is kept negated, so that one `max` holds
    -- both; there are none where all that happened was of another period.
    ADD PROJECTION IF NOT EXISTS meter_history
    (
        SELECT
            toLowCardinality(concatWithSeparator(' ', organization_id, instance_id, entitlement_id)),
            entitlement_slug,
            intDiv(toUnixTimestamp64Micro(received_at), 3600000000),
            period,
            countIfForEach([1, status = 'ACCEPTED', status = 'REJECTED']),
            sumIf(toDecimal256(ifNull(value, 0), 12), status = 'ACCEPTED'),
            maxForEach(if(ifNull(period_start <= received_at AND received_at < period_end, 1), [after, -after], [])),
            max((sequence, after))
        GROUP BY
            toLowCardinality(concatWithSeparator(' ', organization_id, instance_id, entitlement_id)),
            entitlement_slug,
            intDiv(toUnixTimestamp64Micro(received_at), 3600000000),
            period
    )
    WITH SETTINGS (index_granularity = 256);

ALTER TABLE decisions
    MATERIALIZE PROJECTION meter_history;

ALTER TABLE decisions
    DROP PROJECTION IF EXISTS meter_hours
SETTINGS alter_sync = 0;
