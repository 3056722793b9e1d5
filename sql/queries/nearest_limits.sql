-- The meters of an organization that are nearest to their limit, or furthest past it, asked of the projection `meters`:
-- by the last decision of the newest period that each counted in, unless that is over. Those without a limit are left out.
SELECT
    instance_id,
    argMax(instance_name, newest.2) AS instance,
    entitlement_id,
    argMax(entitlement_slug, newest.2) AS entitlement,
    (max(newest) AS last).3 AS value,
    last.4 AS granted,
    if(last.5 = 9223372036854775807, NULL, last.5) AS ends
FROM
(
    SELECT
        instance_id,
        entitlement_slug,
        entitlement_id,
        argMaxMerge(`argMax(instance_slug, sequence)`) AS instance_name,
        maxMerge(`max(tuple(ifNull(toUnixTimestamp64Micro(period_start), 0), sequence, after, limit, ifNull(toUnixTimestamp64Micro(period_end), 9223372036854775807)))`) AS newest
    FROM mergeTreeProjection(currentDatabase(), decisions, meters)
    WHERE organization_id = {organization:String}
    GROUP BY instance_id, entitlement_slug, entitlement_id
)
GROUP BY instance_id, entitlement_id
HAVING granted > 0 AND last.5 > {now:Int64}
ORDER BY toFloat64(value) / toFloat64(granted) DESC, instance_id, entitlement_id
LIMIT {limit:UInt32} OFFSET {skip:UInt64}
-- include without_prewhere
