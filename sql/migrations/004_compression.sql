-- What has no codec of its own, projections above all, was compressed by LZ4: half as much again as by ZSTD.
ALTER TABLE decisions MODIFY SETTING default_compression_codec = 'ZSTD(1)';

-- Small numbers in no order: their few bits pack better than their differences.
ALTER TABLE decisions MODIFY COLUMN partition UInt16 CODEC(T64('bit'), ZSTD(1));
ALTER TABLE decisions MODIFY COLUMN position UInt32 CODEC(T64('bit'), ZSTD(1));
