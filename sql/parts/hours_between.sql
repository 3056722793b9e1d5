  -- Not by the key: a month of a meter is a few granules, read sooner than sought in.
  AND identity(hour) >= {from_hour:Int64}
  AND identity(hour) < {before_hour:Int64}
