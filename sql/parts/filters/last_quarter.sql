  AND _partition_id <= toString({last_quarter:UInt32})
