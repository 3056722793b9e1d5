-- The same as `meter_timeline` of the hours that an edge cuts: from the instance's rows.
WITH
    -- include windows_of_rows
SELECT
    starts_at,
    -- include counts
FROM decisions
WHERE organization_id = {organization:String}
  AND instance_id = {instance:String}
  AND entitlement_slug = {entitlement:String}
  -- include cut_hours
GROUP BY starts_at
SETTINGS optimize_use_projections = 0
