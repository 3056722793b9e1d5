-- The table anew, smaller, and for pages of events that lie far apart: what is decompressed for one is little, and what
-- follows from other columns, or from other numbers, is not written. History is kept by hours, not by quarters of them.
--
-- The rows are copied, and the tables change places in one step. Killed before that, the copy begins anew.
DROP TABLE IF EXISTS decisions_anew;

-- One row a decision, as it was made: the audit trail. Rows are only ever added, by the sinks.
--
-- A row's identity is its command's place in the log (partition, offset, position); decided_at is where the record that
-- brought it stands in the topic `decisions`, so that the rows tell the sinks where to go on. Its time is the decision's,
-- when the command was received; event_time is the report's own. Instants are whole microseconds.
CREATE TABLE decisions_anew
(
    organization_id     LowCardinality(String) CODEC(ZSTD(1)),
    instance_id         LowCardinality(String) CODEC(ZSTD(1)),
    instance_slug       LowCardinality(String) CODEC(ZSTD(1)),
    entitlement_id      LowCardinality(String) CODEC(ZSTD(1)),
    entitlement_slug    LowCardinality(String) CODEC(ZSTD(1)),
    license_id          LowCardinality(String) CODEC(ZSTD(1)),
    license_slug        LowCardinality(String) CODEC(ZSTD(1)),
    license_version     LowCardinality(String) CODEC(ZSTD(1)),

    received_at         DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    partition           UInt16 CODEC(T64('bit'), ZSTD(1)),
    offset              UInt64 CODEC(Delta(8), ZSTD(1)),
    position            UInt32 CODEC(T64('bit'), ZSTD(1)),
    decided_ahead       Int64 CODEC(T64, ZSTD(1)),  -- by what its place in `decisions` is ahead of that in `usage`
    decided_at          UInt64 ALIAS toUInt64(toInt64(offset) + decided_ahead),
    sequence            UInt64 CODEC(T64, ZSTD(1)),

    status              Enum8('ACCEPTED' = 1, 'REJECTED' = 2, 'READ' = 3) CODEC(ZSTD(1)),
    reason              LowCardinality(String) CODEC(ZSTD(1)),
    crossing            Enum8('' = 0, 'warning' = 1, 'reached' = 2, 'exceeded' = 3) CODEC(ZSTD(1)),
    behavior            Enum8('' = 0, 'append' = 1, 'set' = 2) CODEC(ZSTD(1)),
    event_lag           Int64 CODEC(T64, ZSTD(1)),  -- microseconds from the event to its report, mostly none
    event_time          DateTime64(6, 'UTC') ALIAS received_at - toIntervalMicrosecond(event_lag),
    value               Nullable(Decimal(38, 12)) CODEC(GCD, ZSTD(1)),
    after               Decimal(76, 12) CODEC(GCD, ZSTD(1)),
    adjustment          Decimal(76, 12) CODEC(ZSTD(1)),  -- by what the meter moved beside the value: a sum by nothing
    before              Decimal(76, 12) ALIAS after - adjustment
        - if(status = 'ACCEPTED' AND behavior = 'append', toDecimal256(ifNull(value, 0), 12), toDecimal256(0, 12)),
    uncounted           Int64 CODEC(T64, ZSTD(1)),  -- decisions of the meter that are no event of its value
    events              UInt64 ALIAS toUInt64(toInt64(sequence) - uncounted),
    limit               Decimal(76, 12) CODEC(ZSTD(1)),
    overage_percent     Decimal(38, 12) CODEC(ZSTD(1)),
    period_start        Nullable(DateTime64(6, 'UTC')) CODEC(ZSTD(1)),
    period_end          Nullable(DateTime64(6, 'UTC')) CODEC(ZSTD(1)),
    rolled_over         String CODEC(ZSTD(1)),

    -- An id that the edge made when it received the report tells that second, a series of 20 digits, and the 12 digits of
    -- a number in it. Any other, one that was retried later among them, is kept as it came.
    transaction         Nullable(String) EPHEMERAL,
    made_then           Bool EPHEMERAL ifNull(
        match(transaction, '^tdm:[0-9a-f]{8}\\.[0-9a-f]{32}$')
        AND substring(transaction, 5, 8) = leftPad(lower(hex(intDiv(toUnixTimestamp64Micro(received_at), 1000000))), 8, '0'), 0),
    series              LowCardinality(String) DEFAULT if(made_then, substring(transaction, 14, 20), '') CODEC(ZSTD(1)),
    number              UInt64 DEFAULT if(made_then, reinterpretAsUInt64(reverse(unhex(substring(transaction, 34, 12)))), 0)
        CODEC(Delta(8), ZSTD(1)),
    given_id            String DEFAULT if(made_then, '', ifNull(transaction, '')) CODEC(ZSTD(1)),
    transaction_id      Nullable(String) ALIAS if(series = '', nullIf(given_id, ''), concat(
        'tdm:', leftPad(lower(hex(intDiv(toUnixTimestamp64Micro(received_at), 1000000))), 8, '0'),
        '.', series, leftPad(lower(hex(number)), 12, '0'))),

    token               LowCardinality(String) CODEC(ZSTD(1)),
    metadata            String CODEC(ZSTD(1)),

    -- What a page shows of an event that takes few values, once more, a line each: a page reads a granule of each column
    -- for each event of it, and so three of them instead of twelve.
    outcome             LowCardinality(String) MATERIALIZED concatWithSeparator('\n', toString(status), toString(behavior),
        reason, toString(crossing)) CODEC(ZSTD(1)),
    terms               LowCardinality(String) MATERIALIZED concatWithSeparator('\n', entitlement_slug, license_id,
        license_slug, license_version, toString(limit), toString(overage_percent)) CODEC(ZSTD(1)),
    period              LowCardinality(String) MATERIALIZED concatWithSeparator('\n',
        ifNull(toString(toUnixTimestamp64Micro(period_start)), ''),
        ifNull(toString(toUnixTimestamp64Micro(period_end)), '')) CODEC(ZSTD(1)),

    -- What is searched for. Ids that the edge made (`tdm:…`) are no words: they are found whole, by an index of their own.
    words               String ALIAS lowerUTF8(concatWithSeparator(' ', toString(status), reason, toString(crossing),
        toString(behavior), instance_slug, entitlement_slug, license_slug, token,
        if(startsWith(given_id, 'tdm:') AND length(given_id) = 45, '', given_id),
        metadata)),
    numbers             Array(String) ALIAS [ifNull(toString(value), ''), toString(after), toString(limit)],

    INDEX words lowerUTF8(concatWithSeparator(' ', toString(status), reason, toString(crossing),
        toString(behavior), instance_slug, entitlement_slug, license_slug, token,
        if(startsWith(given_id, 'tdm:') AND length(given_id) = 45, '', given_id),
        metadata)) TYPE text(tokenizer = 'splitByNonAlpha'),
    INDEX transactions if(series = '', nullIf(given_id, ''), concat(
        'tdm:', leftPad(lower(hex(intDiv(toUnixTimestamp64Micro(received_at), 1000000))), 8, '0'),
        '.', series, leftPad(lower(hex(number)), 12, '0'))) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX numbers [ifNull(toString(value), ''), toString(after), toString(limit)] TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX offsets offset TYPE minmax GRANULARITY 8,

    -- How far each partition of the log has come.
    PROJECTION places
    (
        SELECT partition, max((offset, position)), max(toUInt64(toInt64(offset) + decided_ahead)), max(received_at)
        GROUP BY partition
    ),

    -- Counts and values over time, kept inside the parts whose rows they are of: they can't disagree with them. What is
    -- counted, by quarters of an hour since 1970, of which the hours, days and months of every time zone are made: of all
    -- that an instance has, of an entitlement over all instances, and of everything. The more there is in a quarter of an
    -- hour, the more they spare.
    PROJECTION instance_quarters
    (
        SELECT
            organization_id, instance_id,
            intDiv(toUnixTimestamp64Micro(received_at), 900000000),
            count(),
            countIf(status = 'ACCEPTED'),
            countIf(status = 'REJECTED')
        GROUP BY
            organization_id, instance_id,
            intDiv(toUnixTimestamp64Micro(received_at), 900000000)
    )
    WITH SETTINGS (index_granularity = 1024),

    PROJECTION entitlement_quarters
    (
        SELECT
            organization_id, entitlement_slug,
            intDiv(toUnixTimestamp64Micro(received_at), 900000000),
            count(),
            countIf(status = 'ACCEPTED'),
            countIf(status = 'REJECTED')
        GROUP BY
            organization_id, entitlement_slug,
            intDiv(toUnixTimestamp64Micro(received_at), 900000000)
    )
    WITH SETTINGS (index_granularity = 1024),

    PROJECTION organization_quarters
    (
        SELECT
            organization_id,
            intDiv(toUnixTimestamp64Micro(received_at), 900000000),
            count(),
            countIf(status = 'ACCEPTED'),
            countIf(status = 'REJECTED')
        GROUP BY
            organization_id,
            intDiv(toUnixTimestamp64Micro(received_at), 900000000)
    )
    WITH SETTINGS (index_granularity = 1024),

    -- What happened on a meter in an hour, for each period that was counted in: nearly always one. A window that begins or
    -- ends amid an hour takes that hour from the rows.
    PROJECTION meter_hours
    (
        SELECT
            organization_id, instance_id, entitlement_id, entitlement_slug,
            intDiv(toUnixTimestamp64Micro(received_at), 3600000000), period_start, period_end,
            count(),
            countIf(status = 'ACCEPTED'),
            countIf(status = 'REJECTED'),
            sumIf(toDecimal256(ifNull(value, 0), 12), status = 'ACCEPTED'),
            minOrNullIf(after, ifNull(period_start <= received_at AND received_at < period_end, 1)),
            maxOrNullIf(after, ifNull(period_start <= received_at AND received_at < period_end, 1)),
            max((sequence, after))
        GROUP BY
            organization_id, instance_id, entitlement_id, entitlement_slug,
            intDiv(toUnixTimestamp64Micro(received_at), 3600000000), period_start, period_end
    )
    WITH SETTINGS (index_granularity = 256),

    -- All of a meter's time, and where it stood last: in the newest period that it counted in.
    PROJECTION meters
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
    )
    WITH SETTINGS (index_granularity = 256)
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (organization_id, instance_id, received_at, partition, offset, position)
SETTINGS
    index_granularity = 512,
    -- A page reads single rows from many places: what is decompressed for each is little.
    min_compress_block_size = 4096,
    -- Nothing is planned by them, and every INSERT would work them out.
    auto_statistics_types = '',
    default_compression_codec = 'ZSTD(1)',
    -- A month in which nothing was written for an hour becomes one part.
    min_age_to_force_merge_seconds = 3600,
    min_age_to_force_merge_on_partition_only = 1,
    -- An INSERT that was checked against the end of the rows, and then took its time, is known by its token for as many
    -- further ones: more than can come in the minute that one may take.
    non_replicated_deduplication_window = 10000,
    -- The rows are the sinks' offsets: none may be lost behind a later one when the machine goes down.
    fsync_after_insert = 1,
    fsync_part_directory = 1;

INSERT INTO decisions_anew
(
    received_at, partition, offset, position, decided_ahead,
    organization_id, instance_id, instance_slug, entitlement_id, entitlement_slug,
    license_id, license_slug, license_version, `limit`, overage_percent,
    token, behavior, event_lag, value, transaction, metadata,
    status, sequence, adjustment, after, uncounted, period_start, period_end,
    reason, crossing, rolled_over
)
SELECT
    received_at, partition, offset, position, toInt64(decided_at) - toInt64(offset),
    organization_id, instance_id, instance_slug, entitlement_id, entitlement_slug,
    license_id, license_slug, license_version, `limit`, overage_percent,
    token, behavior, event_lag, value, transaction_id, metadata,
    status, sequence, adjustment, after, toInt64(sequence) - toInt64(events), period_start, period_end,
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
