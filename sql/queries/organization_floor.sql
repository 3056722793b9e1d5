-- The quarter of an hour that an organization's next so many events before another one begin in, and how many there are,
-- from the projection `organization_quarters`: how far back a page has to look. What was before the microsecond `since` is left out.
SELECT
    minIf(quarter, passed < {rows:UInt64}) AS floor,
    sum(events) AS found
FROM
(
    SELECT
        quarter,
        events,
        sum(events) OVER (ORDER BY quarter DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS passed
    FROM
    (
        SELECT intDiv(toUnixTimestamp64Micro(received_at), 900000000) AS quarter, count() AS events
        FROM decisions
        WHERE organization_id = {organization:String}
          AND quarter >= intDiv({since:Int64}, 900000000)
          AND quarter < {quarter:Int64}
        GROUP BY quarter
    )
)
SETTINGS preferred_optimize_projection_name = 'organization_quarters'
