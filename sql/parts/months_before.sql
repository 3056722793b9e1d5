  AND _partition_id <= toString(toYYYYMM(fromUnixTimestamp64Second(({before_hour:Int64} - 1) * 3600, 'UTC')))
