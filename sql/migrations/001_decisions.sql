-- One row a decision, as it was made: the audit trail. Rows are only ever added, by the sink.
--
-- A row's identity is its command's place in the log (partition, offset, position); decided_at is where the record that
-- brought it stands in the topic `decisions`, so that the rows tell the sink where to go on. Its time is the decision's,
-- when the command was received; event_time is the report's own. Instants are whole microseconds.
CREATE TABLE IF NOT EXISTS decisions
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
    partition           UInt16 CODEC(ZSTD(1)),
    offset              UInt64 CODEC(Delta(8), ZSTD(1)),
    position            UInt32 CODEC(Delta(4), ZSTD(1)),
    decided_at          UInt64 CODEC(Delta(8), ZSTD(1)),
    sequence            UInt64 CODEC(Delta(8), ZSTD(1)),

    status              Enum8('ACCEPTED' = 1, 'REJECTED' = 2, 'READ' = 3) CODEC(ZSTD(1)),
    reason              LowCardinality(String) CODEC(ZSTD(1)),
    crossing            Enum8('' = 0, 'warning' = 1, 'reached' = 2, 'exceeded' = 3) CODEC(ZSTD(1)),
    behavior            Enum8('' = 0, 'append' = 1, 'set' = 2) CODEC(ZSTD(1)),
    event_time          DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    value               Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    before              Decimal(76, 12) CODEC(ZSTD(1)),
    after               Decimal(76, 12) CODEC(ZSTD(1)),
    events              UInt64 CODEC(Delta(8), ZSTD(1)),
    limit               Decimal(76, 12) CODEC(ZSTD(1)),
    overage_percent     Decimal(38, 12) CODEC(ZSTD(1)),
    period_start        Nullable(DateTime64(6, 'UTC')) CODEC(ZSTD(1)),
    period_end          Nullable(DateTime64(6, 'UTC')) CODEC(ZSTD(1)),
    rolled_over         String CODEC(ZSTD(1)),
    transaction_id      Nullable(String) CODEC(ZSTD(1)),
    token               LowCardinality(String) CODEC(ZSTD(1)),
    metadata            String CODEC(ZSTD(1)),

    words               String ALIAS lowerUTF8(concatWithSeparator(' ', toString(status), reason, toString(crossing),
                            toString(behavior), instance_slug, entitlement_slug, license_slug, token,
                            ifNull(transaction_id, ''), metadata)),

    INDEX words lowerUTF8(concatWithSeparator(' ', toString(status), reason, toString(crossing),
        toString(behavior), instance_slug, entitlement_slug, license_slug, token,
        ifNull(transaction_id, ''), metadata)) TYPE text(tokenizer = 'splitByNonAlpha'),

    INDEX offsets offset TYPE minmax,

    PROJECTION quarter_hours
    (
        SELECT organization_id, instance_id, entitlement_id, status, toStartOfInterval(received_at, INTERVAL 15 MINUTE), count()
        GROUP BY organization_id, instance_id, entitlement_id, status, toStartOfInterval(received_at, INTERVAL 15 MINUTE)
    ),
    PROJECTION places
    (
        SELECT partition, max((offset, position)), max(decided_at)
        GROUP BY partition
    )
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (organization_id, instance_id, received_at, partition, offset, position)
SETTINGS
    -- A client that hears nothing sends the same block again; it is known by its content, which no other block can have.
    non_replicated_deduplication_window = 100,
    -- The rows are the sink's offsets: none may be lost behind a later one when the machine goes down.
    fsync_after_insert = 1,
    fsync_part_directory = 1;
