  AND hour NOT IN {cut:Array(Int64)}
