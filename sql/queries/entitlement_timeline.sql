-- What was decided on an entitlement, by all instances, in each window of time that anything was in: from the projection
-- `entitlement_quarters`.
--
-- Windows come in runs of equal width: `runs` are the runs' first seconds, `widths` the seconds of a window in each.
-- include timeline_columns
WHERE organization_id = {organization:String}
  AND entitlement_slug = {entitlement:String}
  -- include timeline_windows
SETTINGS preferred_optimize_projection_name = 'entitlement_quarters'
