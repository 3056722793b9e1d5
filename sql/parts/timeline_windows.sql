  AND quarter >= intDiv({since:Int64}, 900)
  AND quarter < intDiv({until:Int64}, 900)
GROUP BY starts_at
-- include without_prewhere
