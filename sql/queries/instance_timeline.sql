-- What was decided for an instance in each window of time that anything was in: asked of the projection
-- `instance_quarters`.
--
-- `edges` are the first seconds of the windows, and of what comes behind.
-- include timeline_columns
FROM mergeTreeProjection(currentDatabase(), decisions, instance_quarters)
WHERE organization_id = {organization:String}
  AND instance_id = {instance:String}
  -- include timeline_windows
