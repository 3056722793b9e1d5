  AND status IN {statuses:Array(String)}
