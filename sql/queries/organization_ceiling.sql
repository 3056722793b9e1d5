-- The quarter of an hour that an organization's next so many events after another one end in, and how many there are,
-- from the projection `organization_quarters`: how far a page has to look. What came after the microsecond `until` is left out.
SELECT
    maxIf(quarter, passed < {rows:UInt64}) AS ceiling,
    sum(events) AS found
FROM
(
    SELECT
        quarter,
        events,
        sum(events) OVER (ORDER BY quarter ASC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS passed
    FROM
    (
        SELECT intDiv(toUnixTimestamp64Micro(received_at), 900000000) AS quarter, count() AS events
        FROM decisions
        WHERE organization_id = {organization:String}
          AND quarter <= intDiv({until:Int64}, 900000000)
          AND quarter > {quarter:Int64}
        GROUP BY quarter
    )
)
SETTINGS preferred_optimize_projection_name = 'organization_quarters'
