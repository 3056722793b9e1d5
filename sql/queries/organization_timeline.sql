-- What was decided for an organization in each window of time that anything was in: asked of the projection
-- `organization_quarters`.
--
-- `edges` are the first seconds of the windows, and of what comes behind.
-- include timeline_columns
FROM mergeTreeProjection(currentDatabase(), decisions, organization_quarters)
WHERE organization_id = {organization:String}
  -- include timeline_windows
