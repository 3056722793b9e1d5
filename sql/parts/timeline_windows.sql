  -- include months
GROUP BY starts_at
-- include span
ORDER BY starts_at
