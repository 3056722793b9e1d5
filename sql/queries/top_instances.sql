-- The instances of an organization with the most decisions of a kind, from the projection `meters`.
SELECT
    instance_id,
    argMax(name, newest) AS instance,
    sum(decided) AS events,
    sum(accepted) AS accepted,
    sum(rejected) AS rejected,
    max(newest) AS last_at
FROM
(
    SELECT
        instance_id,
        argMax(instance_slug, sequence) AS name,
        count() AS decided,
        countIf(status = 'ACCEPTED') AS accepted,
        countIf(status = 'REJECTED') AS rejected,
        max(received_at) AS newest
    FROM decisions
    WHERE organization_id = {organization:String}
    GROUP BY instance_id, entitlement_slug, entitlement_id
)
GROUP BY instance_id
ORDER BY
    -- include by_kind
    instance_id
LIMIT {limit:UInt32}
SETTINGS preferred_optimize_projection_name = 'meters'
