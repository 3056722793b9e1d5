-- What is searched for: words, whole transaction ids, and numbers.

-- Ids that the edge made (`tdm:…`) are random: as words they would be most of the index, so they are found whole alone.
ALTER TABLE decisions DROP INDEX IF EXISTS words;
ALTER TABLE decisions MODIFY COLUMN words String ALIAS lowerUTF8(concatWithSeparator(' ', toString(status), reason,
    toString(crossing), toString(behavior), instance_slug, entitlement_slug, license_slug, token,
    if(startsWith(ifNull(transaction_id, ''), 'tdm:') AND length(transaction_id) = 45, '', ifNull(transaction_id, '')), metadata));
ALTER TABLE decisions ADD INDEX IF NOT EXISTS words lowerUTF8(concatWithSeparator(' ', toString(status), reason,
    toString(crossing), toString(behavior), instance_slug, entitlement_slug, license_slug, token,
    if(startsWith(ifNull(transaction_id, ''), 'tdm:') AND length(transaction_id) = 45, '', ifNull(transaction_id, '')), metadata))
    TYPE text(tokenizer = 'splitByNonAlpha');
ALTER TABLE decisions ADD INDEX IF NOT EXISTS transactions transaction_id TYPE bloom_filter(0.01) GRANULARITY 1;

-- The numbers that people know an event by, as they write them.
ALTER TABLE decisions ADD COLUMN IF NOT EXISTS numbers Array(String)
    ALIAS [ifNull(toString(value), ''), toString(after), toString(limit)];
ALTER TABLE decisions ADD INDEX IF NOT EXISTS numbers [ifNull(toString(value), ''), toString(after), toString(limit)]
    TYPE bloom_filter(0.01) GRANULARITY 1;

ALTER TABLE decisions MATERIALIZE INDEX words;
ALTER TABLE decisions MATERIALIZE INDEX transactions;
ALTER TABLE decisions MATERIALIZE INDEX numbers;
