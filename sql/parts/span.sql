HAVING starts_at >= {since:Int64} AND starts_at < {until:Int64}  -- of what is grouped: no index is asked for naught
