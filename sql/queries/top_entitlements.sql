-- The entitlements of an organization with the most decisions of a kind, from the projection `meters`.
SELECT
    entitlement_id,
    argMax(entitlement_slug, newest) AS entitlement,
    sum(decided) AS events,
    sum(accepted) AS accepted,
    sum(rejected) AS rejected,
    max(newest) AS last_at
FROM
(
    SELECT
        entitlement_slug,
        entitlement_id,
        count() AS decided,
        countIf(status = 'ACCEPTED') AS accepted,
        countIf(status = 'REJECTED') AS rejected,
        max(received_at) AS newest
    FROM decisions
    WHERE organization_id = {organization:String}
    GROUP BY entitlement_slug, entitlement_id
)
GROUP BY entitlement_id
ORDER BY
    -- include by_kind
    entitlement_id
LIMIT {limit:UInt32}
SETTINGS preferred_optimize_projection_name = 'meters'
