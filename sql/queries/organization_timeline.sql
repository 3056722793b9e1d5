-- What was decided for an organization in each window of time that anything was in: from the projection
-- `organization_quarters`, and `entitlement_quarters` where one entitlement is asked for.
--
-- Windows come in runs of equal width: `runs` are the runs' first seconds, `widths` the seconds of a window in each.
-- include timeline_columns
WHERE organization_id = {organization:String}
  -- include timeline_windows
