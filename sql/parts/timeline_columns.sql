WITH
    intDiv(toUnixTimestamp64Micro(received_at), 900000000) AS quarter,
    roundDown(quarter * 900, {runs:Array(Int64)}) AS run,
    transform(run, {runs:Array(Int64)}, {widths:Array(Int64)}, 1) AS width
SELECT
    run + intDiv(quarter * 900 - run, width) * width AS starts_at,
    count() AS events,
    countIf(status = 'ACCEPTED') AS accepted,
    countIf(status = 'REJECTED') AS rejected
FROM decisions
