  -- include span
GROUP BY starts_at
ORDER BY starts_at
