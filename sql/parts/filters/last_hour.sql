  AND _partition_id <= toString(toYYYYMM(fromUnixTimestamp64Second({last_hour:Int64} * 3600, 'UTC')))
