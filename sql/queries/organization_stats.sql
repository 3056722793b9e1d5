-- How many decisions an organization has of each kind, from the projection `meters`, and how many since the second `today`,
-- from `organization_quarters`.
SELECT
    events,
    accepted,
    rejected,
    (
        SELECT count()
        FROM decisions
        WHERE organization_id = {organization:String}
          -- include since_today
        SETTINGS preferred_optimize_projection_name = 'organization_quarters'
    ) AS today
FROM
(
    SELECT
        -- include counts
    FROM decisions
    WHERE organization_id = {organization:String}
    SETTINGS preferred_optimize_projection_name = 'meters'
)
