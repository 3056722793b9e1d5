-- What a search looks at in many granules, the time and the place in the log, is packed by bits before ZSTD: it unpacks in
-- half the time, and is as small. Sequences are unpacked at once, for ZSTD took no more than a hundredth byte off them.
--
-- What is there stays packed as it is until its part is merged; a month that is one part gains nothing.
ALTER TABLE decisions
    MODIFY COLUMN received_at CODEC(Delta(8), T64('bit'), ZSTD(1)),
    MODIFY COLUMN offset CODEC(Delta(8), T64('bit'), ZSTD(1)),
    MODIFY COLUMN sequence CODEC(T64);
