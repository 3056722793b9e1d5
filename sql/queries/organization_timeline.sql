-- What was decided for an organization in each window of time that anything was in: from the projection
-- `organization_quarters`.
--
-- `edges` are the first seconds of the windows, and of what comes behind.
-- include timeline_columns
WHERE organization_id = {organization:String}
  -- include timeline_windows
SETTINGS preferred_optimize_projection_name = 'organization_quarters'
