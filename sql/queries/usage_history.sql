-- What happened on a meter in each window of time that anything happened in, period by period, but for the hours that an
-- edge cuts; and in front of the first, how it stood before: what happened in periods that were not over then. Asked of
-- the projection `usage_hours` itself, which every part of the table has: to be told from the question that it answers
-- takes the engine longer than to read it.
--
-- `edges` are a second that stands for all time before, the first seconds of the first window's hour, of the windows, and
-- of what comes behind; `cut` the hours that are left out, and `last_quarter` the calendar quarter of the last, where there
-- may be later ones. A period's bounds are microseconds, null without end; `latest` is the sequence of its last decision
-- there, and the value after it.
WITH
    -- include usage_hours
SELECT
    roundDown(hour * 3600, {edges:Array(Int64)}) AS starts_at,
    toInt64OrNull(splitByChar('\n', period)[1]) AS begins,
    toInt64OrNull(splitByChar('\n', period)[2]) AS ends,
    sumIfMerge(reported),
    if(empty(stood_between), NULL, -stood_between[2]),
    if(empty(stood_between), NULL, stood_between[1]),
    maxMerge(latest),
    -- include hour_counts
FROM mergeTreeProjection(currentDatabase(), decisions, usage_hours)
WHERE meter = concat({organization:String}, ' ', {instance:String}, ' ', {entitlement:String})
  -- Not by the key: a meter's rows of three months are a few granules, read sooner than sought in.
  AND identity(hour) < {before_hour:Int64}
  AND (identity(hour) >= {from_hour:Int64} OR ifNull(ends > {from_hour:Int64} * 3600000000, 1))
  -- filter by last_quarter cut
GROUP BY starts_at, period
-- include without_prewhere
