    intDiv(toUnixTimestamp64Micro(received_at), 900000000) AS quarter,
    roundDown(quarter * 900, {runs:Array(Int64)}) AS run,
    transform(run, {runs:Array(Int64)}, {widths:Array(Int64)}, 1) AS width,
    run + intDiv(quarter * 900 - run, width) * width AS starts_at
