-- What was decided on an entitlement, by all instances, in each window of time that anything was in: asked of the projection
-- `entitlement_quarters`.
--
-- `edges` are the first seconds of the windows, and of what comes behind.
-- include timeline_columns
FROM mergeTreeProjection(currentDatabase(), decisions, entitlement_quarters)
WHERE organization_id = {organization:String}
  AND entitlement_slug = {entitlement:String}
  -- include timeline_windows
