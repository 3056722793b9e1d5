-- The table anew, with a calendar quarter to a partition instead of a month: what a question pays for each part that it
-- looks into, it pays for a third of the parts. But for what follows, columns, indexes and projections are as they are
-- (`SHOW CREATE TABLE decisions`); a projection called `…_quarters` is of quarters of an hour.
--
-- The rows are copied, and the tables change places in one step. Killed before that, the copy begins anew.
DROP TABLE IF EXISTS decisions_anew;

-- What retention has begun to take is taken before anything is copied, which would bring it back: this takes nothing, and
-- waits for what began before it.
ALTER TABLE decisions DELETE WHERE 0 SETTINGS mutations_sync = 1;

CREATE TABLE decisions_anew AS decisions
ENGINE = MergeTree
PARTITION BY toYear(received_at) * 10 + toQuarter(received_at)
ORDER BY (organization_id, instance_id, received_at, partition, offset, position)
SETTINGS
    index_granularity = 512,
    -- A page reads single rows from many places: what is decompressed for each is little.
    min_compress_block_size = 4096,
    -- Nothing is planned by them, and every INSERT would work them out.
    auto_statistics_types = '',
    default_compression_codec = 'ZSTD(1)',
    -- A calendar quarter in which nothing was written for an hour becomes one part.
    min_age_to_force_merge_seconds = 3600,
    min_age_to_force_merge_on_partition_only = 1,
    -- An INSERT that was checked against the end of the rows, and then took its time, is known by its token for as many
    -- further ones: more than can come in the minute that one may take.
    non_replicated_deduplication_window = 10000,
    -- The rows are the sinks' offsets: none may be lost behind a later one when the machine goes down.
    fsync_after_insert = 1,
    fsync_part_directory = 1;

ALTER TABLE decisions_anew
    -- As small as by bits and ZSTD, and sooner unpacked; a number is a little smaller.
    MODIFY COLUMN position CODEC(T64),
    MODIFY COLUMN number CODEC(Delta(8), T64('bit'), ZSTD(1)),
    -- A column less for a page to read: when the event's period begins and ends, and the series of its transaction id.
    -- `period` stays, for meters are counted by it.
    ADD COLUMN IF NOT EXISTS period_series LowCardinality(String) MATERIALIZED concatWithSeparator('\n',
        ifNull(toString(toUnixTimestamp64Micro(period_start)), ''),
        ifNull(toString(toUnixTimestamp64Micro(period_end)), ''), series) CODEC(ZSTD(1)) AFTER period,
    -- The same words as before, said with less: each call is analysed with every question that looks for a word.
    DROP INDEX IF EXISTS words,
    MODIFY COLUMN words String ALIAS lowerUTF8(concatWithSeparator(' ', outcome, instance_slug, entitlement_slug,
        license_slug, if(startsWith(given_id, 'tdm:') AND length(given_id) = 45, '', given_id), metadata)),
    ADD INDEX words lowerUTF8(concatWithSeparator(' ', outcome, instance_slug, entitlement_slug,
        license_slug, if(startsWith(given_id, 'tdm:') AND length(given_id) = 45, '', given_id), metadata))
        TYPE text(tokenizer = 'splitByNonAlpha') FIRST,
    -- `meter_history` by another name: a process of the release before leaves out parts by their month, and must not answer
    -- with too little.
    DROP PROJECTION IF EXISTS meter_history,
    ADD PROJECTION IF NOT EXISTS usage_hours
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

INSERT INTO decisions_anew
(
    received_at, partition, offset, position, decided_ahead,
    organization_id, instance_id, instance_slug, entitlement_id, entitlement_slug,
    license_id, license_slug, license_version, `limit`, overage_percent,
    token, behavior, event_lag, value, series, number, given_id, metadata,
    status, sequence, adjustment, after, uncounted, period_start, period_end,
    reason, crossing, rolled_over
)
SELECT
    received_at, partition, offset, position, decided_ahead,
    organization_id, instance_id, instance_slug, entitlement_id, entitlement_slug,
    license_id, license_slug, license_version, `limit`, overage_percent,
    token, behavior, event_lag, value, series, number, given_id, metadata,
    status, sequence, adjustment, after, uncounted, period_start, period_end,
    reason, crossing, rolled_over
FROM decisions
SETTINGS max_partitions_per_insert_block = 0, max_execution_time = 0;

-- Whole, or begun anew: another process may have copied beside this one. What came to the old table meanwhile lies behind
-- the copy's ends, and comes again from the log.
WITH
(
    SELECT mapFromArrays(groupArray(partition), groupArray(last))
    FROM
    (
        SELECT partition, max((offset, position)) AS last
        FROM decisions_anew
        GROUP BY partition
    )
) AS ends
SELECT throwIf(count() != (SELECT count() FROM decisions_anew), 'the audit trail was not copied whole: start again')
FROM decisions
WHERE mapContains(ends, partition)
  AND (offset, position) <= ends[partition];

EXCHANGE TABLES decisions_anew AND decisions;

DROP TABLE decisions_anew SYNC;
