  AND quarter_hour >= intDiv({since:Int64}, 900)
  AND quarter_hour < intDiv({until:Int64}, 900)
GROUP BY starts_at
-- include without_prewhere
