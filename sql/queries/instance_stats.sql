-- How many decisions an instance has of each kind, from the projection `meters`, and how many since the second `today`,
-- from `instance_quarters`.
SELECT
    events,
    accepted,
    rejected,
    (
        SELECT count()
        FROM decisions
        WHERE organization_id = {organization:String}
          AND instance_id = {instance:String}
          -- include since_today
        SETTINGS preferred_optimize_projection_name = 'instance_quarters'
    ) AS today
FROM
(
    SELECT
        -- include counts
    FROM decisions
    WHERE organization_id = {organization:String}
      AND instance_id = {instance:String}
    SETTINGS preferred_optimize_projection_name = 'meters'
)
