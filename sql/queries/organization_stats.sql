-- How many decisions an organization has of each kind, asked of the projection `meters`, and how many since the second
-- `today`, asked of `organization_quarters`.
SELECT
    events,
    accepted,
    rejected,
    (
        SELECT countMerge(`count()`)
        FROM mergeTreeProjection(currentDatabase(), decisions, organization_quarters)
        WHERE organization_id = {organization:String}
          -- include since_today
    ) AS today
FROM
(
    SELECT
        -- include kept_counts
    FROM mergeTreeProjection(currentDatabase(), decisions, meters)
    WHERE organization_id = {organization:String}
)
-- include without_prewhere
