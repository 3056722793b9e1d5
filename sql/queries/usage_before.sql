-- How a meter stood before a quarter of an hour: the last value of each period that was not over then, with the period's
-- bounds (microseconds, null without end) and the sequence of the decision that left it. From `meter_quarters`.
SELECT
    toUnixTimestamp64Micro(period_start) AS begins,
    toUnixTimestamp64Micro(period_end) AS ends,
    max(sequence) AS newest,
    argMax(after, sequence) AS last
FROM decisions
WHERE organization_id = {organization:String}
  AND instance_id = {instance:String}
  AND entitlement_id = {entitlement:String}
  AND intDiv(toUnixTimestamp64Micro(received_at), 900000000) < intDiv({since:Int64}, 900)
  AND (period_end IS NULL OR toUnixTimestamp64Micro(period_end) > {since:Int64} * 1000000)
GROUP BY period_start, period_end
SETTINGS preferred_optimize_projection_name = 'meter_quarters'
