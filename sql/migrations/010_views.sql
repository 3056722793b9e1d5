-- What analysts read: names and columns that stay, whatever becomes of the table. A change that breaks them is a new
-- version beside the old one. They are read with the rights of who made them, so that a reader needs none on the table.
CREATE VIEW IF NOT EXISTS audit_events_v1 DEFINER = CURRENT_USER SQL SECURITY DEFINER AS
SELECT
    concat(toString(partition), '-', toString(offset), '-', toString(position)) AS decision_id,
    organization_id,
    instance_id,
    instance_slug,
    entitlement_id,
    entitlement_slug,
    license_id,
    license_slug,
    license_version,
    received_at,
    if(behavior = '', NULL, event_time) AS event_time,
    toString(status) AS status,
    reason,
    toString(crossing) AS crossing,
    toString(behavior) AS behavior,
    value,
    before,
    after,
    events AS event_count,
    `limit`,
    overage_percent,
    period_start,
    period_end,
    rolled_over,
    transaction_id,
    token,
    metadata,
    sequence,
    partition,
    offset,
    position
FROM decisions;

-- A meter's day, in UTC: how often each kind of event happened, what was accepted, and where the meter stood at its end.
CREATE VIEW IF NOT EXISTS usage_daily_v1 DEFINER = CURRENT_USER SQL SECURITY DEFINER AS
SELECT
    toDate(received_at, 'UTC') AS day,
    organization_id,
    instance_id,
    entitlement_id,
    argMax(instance_slug, received_at) AS instance_slug,
    argMax(entitlement_slug, received_at) AS entitlement_slug,
    countIf(status = 'ACCEPTED') AS accepted,
    countIf(status = 'REJECTED') AS rejected,
    countIf(status = 'READ') AS read,
    sumIf(toDecimal256(ifNull(value, 0), 12), status = 'ACCEPTED') AS reported,
    argMax(after, sequence) AS value_at_end,
    argMax(`limit`, sequence) AS limit_at_end
FROM decisions
GROUP BY day, organization_id, instance_id, entitlement_id;
