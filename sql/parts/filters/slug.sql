  AND instance_id IN  -- by the name that it had last, on any of its meters: what the table is sorted by
  (
      SELECT instance_id
      FROM
      (
          SELECT
              instance_id,
              argMaxMerge(`argMax(instance_slug, sequence)`) AS name,
              maxMerge(`max(received_at)`) AS newest
          FROM mergeTreeProjection(currentDatabase(), decisions, meters)
          WHERE organization_id = {organization:String}
          GROUP BY instance_id, entitlement_slug, entitlement_id
      )
      GROUP BY instance_id
      HAVING argMax(name, newest) = {slug:String}
  )
