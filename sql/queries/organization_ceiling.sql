-- The quarter of an hour that an organization's next so many events after another one end in, from the projection
-- `organization_quarters`: how far a page has to look. 0 where there are none.
SELECT max(quarter) AS ceiling
FROM
(
    SELECT quarter, sum(events) OVER (ORDER BY quarter ASC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS passed
    FROM
    (
        SELECT intDiv(toUnixTimestamp64Micro(received_at), 900000000) AS quarter, count() AS events
        FROM decisions
        WHERE organization_id = {organization:String}
          AND quarter > {quarter:Int64}
        GROUP BY quarter
    )
)
WHERE passed < {rows:UInt64}
SETTINGS preferred_optimize_projection_name = 'organization_quarters'
