  -- include span
GROUP BY starts_at
