-- The entitlements of an organization with the most decisions of a kind, asked of the projection `meters`.
SELECT
    entitlement_id,
    argMax(entitlement_slug, newest) AS entitlement,
    sum(decided.events) AS events,
    sum(decided.accepted) AS accepted,
    sum(decided.rejected) AS rejected,
    max(newest) AS last_at
FROM
(
    SELECT
        entitlement_slug,
        entitlement_id,
        maxMerge(`max(received_at)`) AS newest,
        -- include kept_counts
    FROM mergeTreeProjection(currentDatabase(), decisions, meters)
    WHERE organization_id = {organization:String}
    GROUP BY entitlement_slug, entitlement_id
) AS decided
GROUP BY entitlement_id
ORDER BY
    -- include by_kind
    entitlement_id
LIMIT {limit:UInt32}
-- include without_prewhere
