  AND instance_id IN  -- by the name that it had last, on any of its meters: what the table is sorted by
  (
      SELECT instance_id
      FROM
      (
          SELECT instance_id, argMax(instance_slug, sequence) AS name, max(received_at) AS newest
          FROM decisions
          WHERE organization_id = {organization:String}
          GROUP BY instance_id, entitlement_slug, entitlement_id
          SETTINGS optimize_use_projections = 1, preferred_optimize_projection_name = 'meters'
      )
      GROUP BY instance_id
      HAVING argMax(name, newest) = {slug:String}
  )
