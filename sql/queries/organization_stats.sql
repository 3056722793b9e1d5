-- How many decisions an organization has of each kind, and how many since the second `today`: from the projection
-- `organization_quarters`, or another by quarters that is as small.
SELECT
    events,
    accepted,
    rejected,
    (
        SELECT count()
        FROM decisions
        WHERE organization_id = {organization:String}
          AND intDiv(toUnixTimestamp64Micro(received_at), 900000000) >= intDiv({today:Int64}, 900)
    ) AS today
FROM
(
    SELECT
        count() AS events,
        countIf(status = 'ACCEPTED') AS accepted,
        countIf(status = 'REJECTED') AS rejected
    FROM decisions
    WHERE organization_id = {organization:String}
)
