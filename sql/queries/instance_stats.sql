-- How many decisions an instance has of each kind, asked of the projection `meters`, and how many since the second
-- `today`, asked of `instance_quarters`.
SELECT
    events,
    accepted,
    rejected,
    (
        SELECT countMerge(`count()`)
        FROM mergeTreeProjection(currentDatabase(), decisions, instance_quarters)
        WHERE organization_id = {organization:String}
          AND instance_id = {instance:String}
          -- include since_today
    ) AS today
FROM
(
    SELECT
        -- include kept_counts
    FROM mergeTreeProjection(currentDatabase(), decisions, meters)
    WHERE organization_id = {organization:String}
      AND instance_id = {instance:String}
)
-- include without_prewhere
