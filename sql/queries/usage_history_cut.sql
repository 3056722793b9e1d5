-- The same as `usage_history` of the hours that an edge cuts: from the instance's rows.
WITH
    -- include windows_of_rows
SELECT
    starts_at,
    toUnixTimestamp64Micro(period_start) AS begins,
    toUnixTimestamp64Micro(period_end) AS ends,
    sumIf(toDecimal256(ifNull(value, 0), 12), status = 'ACCEPTED'),
    minOrNullIf(after, ifNull(period_start <= received_at AND received_at < period_end, 1)),
    maxOrNullIf(after, ifNull(period_start <= received_at AND received_at < period_end, 1)),
    max((sequence, after)),
    -- include counts
FROM decisions
WHERE organization_id = {organization:String}
  AND instance_id = {instance:String}
  AND entitlement_id = {entitlement:String}
  -- include cut_hours
GROUP BY starts_at, period_start, period_end
SETTINGS optimize_use_projections = 0
