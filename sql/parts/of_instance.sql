  AND (
        {instance:String} = ''
        OR instance_id IN  -- by the name that it had last, on any of its meters: what the table is sorted by
        (
            SELECT instance_id
            FROM
            (
                SELECT instance_id, argMax(instance_slug, sequence) AS name, max(received_at) AS newest
                FROM decisions
                WHERE organization_id = {organization:String}
                GROUP BY instance_id, entitlement_slug, entitlement_id
            )
            GROUP BY instance_id
            HAVING argMax(name, newest) = {instance:String}
        )
  )
