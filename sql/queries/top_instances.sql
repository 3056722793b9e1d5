-- The instances of an organization with the most decisions of a kind, asked of the projection `meters`.
SELECT
    instance_id,
    argMax(name, newest) AS instance,
    sum(decided.events) AS events,
    sum(decided.accepted) AS accepted,
    sum(decided.rejected) AS rejected,
    max(newest) AS last_at
FROM
(
    SELECT
        instance_id,
        argMaxMerge(`argMax(instance_slug, sequence)`) AS name,
        maxMerge(`max(received_at)`) AS newest,
        -- include kept_counts
    FROM mergeTreeProjection(currentDatabase(), decisions, meters)
    WHERE organization_id = {organization:String}
    GROUP BY instance_id, entitlement_slug, entitlement_id
) AS decided
GROUP BY instance_id
ORDER BY
    -- include by_kind
    instance_id
LIMIT {limit:UInt32}
-- include without_prewhere
