-- What was decided on an entitlement of an instance in each window of time that anything was in: from the projection
-- `meter_quarters`.
--
-- `edges` are the first seconds of the windows, and of what comes behind.
-- include timeline_columns
WHERE organization_id = {organization:String}
  AND instance_id = {instance:String}
  AND entitlement_slug = {entitlement:String}
  -- include timeline_windows
SETTINGS preferred_optimize_projection_name = 'meter_quarters'
